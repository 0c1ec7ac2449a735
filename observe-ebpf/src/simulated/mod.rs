//! Numbers that are made up, for demonstrations and tests: they follow from a seed, and everything made of them says so.

mod block;
mod drops;
mod exec;
mod memory;
mod net;
mod profile;
mod random;
mod sched;
mod syscalls;
mod tcp;

use std::time::Duration;

use observe_core::{Collect, CollectError, Collector, FeatureState, KernelBoard, Task};

pub(crate) use self::{
    block::SimulatedBlock, drops::SimulatedDrops, exec::SimulatedExec, memory::SimulatedMemory, net::SimulatedNet,
    profile::SimulatedProfile, random::Random, sched::SimulatedSched, syscalls::SimulatedSyscalls, tcp::SimulatedTcp,
};
use crate::{Config, InvalidConfig, features, guard::Guard, origin::Origin};

/// Stands in for all features that are switched on.
#[derive(Debug)]
pub(crate) struct Simulator {
    random: Random,
    features: Vec<Box<dyn Simulation>>,
    board: KernelBoard,
}

/// What makes up the numbers of one feature.
pub(crate) trait Simulation: std::fmt::Debug + Send {
    /// The feature's name.
    fn name(&self) -> &'static str;

    /// Emits what the feature might have seen in the last second, and returns how many events it emitted.
    fn step(&mut self, random: &mut Random, cx: &mut Collect<'_>) -> u64;
}

impl Simulator {
    pub(crate) fn new(config: &Config, board: &KernelBoard) -> Result<Self, InvalidConfig> {
        let guard = Guard::new(&config.rules, board, Origin::Simulated)?;
        let features = features::switched_on(config).map(|entry| (entry.simulate)(config, &guard, board));
        let features = features.collect::<Result<Vec<_>, _>>()?;
        for feature in &features {
            board.update(feature.name(), |status| status.state = FeatureState::Simulated);
        }
        Ok(Self { random: Random::new(config.seed), features, board: board.clone() })
    }
}

impl Collector for Simulator {
    fn name(&self) -> &'static str {
        "ebpf.simulated"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        for feature in &mut self.features {
            let events = feature.step(&mut self.random, cx);
            self.board.update(feature.name(), |status| status.events += events);
        }
        Ok(())
    }
}

/// Makes up a process.
fn task(name: &str, pid: u32) -> Task {
    Task { pid, tid: pid, uid: 1000, name: name.to_owned(), cgroup: 0 }
}

/// Above every id that a kernel gives, so that nobody takes it for a process of this host.
const FIRST_PID: u32 = 1 << 23;
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use observe_core::{EventKind, Item, KernelMode, ProcessCache, Timestamp};

    use super::*;

    fn readings(seed: u64, count: i64) -> Vec<Item> {
        let mut config = Config { seed, ..Config::default() };
        config.profile.enabled = true;
        let mut simulator = Simulator::new(&config, &KernelBoard::new(KernelMode::Simulated)).unwrap();
        let processes = ProcessCache::new();
        (0..count)
            .flat_map(|second| {
                let deadline = Instant::now() + INTERVAL;
                let mut cx = Collect::new(Timestamp::from_millis(second * 1000), deadline, &processes);
                simulator.collect(&mut cx).unwrap();
                cx.take_items()
            })
            .collect()
    }

    #[test]
    fn one_seed_makes_the_same_numbers_every_time() {
        let text = |seed| format!("{:?}", readings(seed, 20));

        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn everything_says_that_it_is_simulated() {
        for item in readings(7, 60) {
            match item {
                Item::Event(event) => assert!(event.source.starts_with("simulated::"), "{event:?}"),
                Item::Frame(frame) => {
                    assert!(frame.schema().source().starts_with("simulated::"));
                    for subject in frame.subjects().iter().flatten() {
                        assert_eq!(subject.attributes.value("source"), Some("simulated"), "{}", subject.attributes);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn histograms_and_callers_on_the_board_are_simulated_too() {
        let board = KernelBoard::new(KernelMode::Simulated);
        let mut simulator = Simulator::new(&Config::default(), &board).unwrap();
        let processes = ProcessCache::new();
        for second in 0..10 {
            let mut cx = Collect::new(Timestamp::from_millis(second * 1000), Instant::now(), &processes);
            simulator.collect(&mut cx).unwrap();
        }

        let histograms = board.histograms();
        let families: std::collections::BTreeSet<_> = histograms.iter().map(|posted| posted.family.name).collect();
        assert_eq!(families.len(), 4, "{families:?}");
        assert!(histograms.iter().all(|posted| posted.attributes.value("source") == Some("simulated")));
        let tops = board.read().top_syscalls;
        let names = tops.by_process.iter().chain(&tops.by_cgroup).filter_map(|top| top.name.as_deref());
        assert!(!tops.by_cgroup.is_empty() && names.into_iter().all(|name| name.contains("simulated")));
    }

    #[test]
    fn a_minute_has_something_of_every_kind_that_features_tell() {
        let kinds: Vec<EventKind> = readings(1, 300)
            .iter()
            .filter_map(|item| if let Item::Event(event) = item { Some(event.kind()) } else { None })
            .collect();

        for kind in [EventKind::Exec, EventKind::Io, EventKind::NetworkPacket, EventKind::Security, EventKind::Syscall]
        {
            assert!(kinds.contains(&kind), "{kind}");
        }
    }
}
