//! The rules over what features see, and what becomes of their findings.

use std::sync::Arc;

use observe_core::{Collect, EventData, KernelBoard, Severity, SystemEvent, Timestamp};
use parking_lot::Mutex;

use crate::{
    origin::Origin,
    rules::{InvalidRules, Observation, Rules, RulesConfig},
};

/// One set of rules for all features, since some rules join what several see. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    rules: Arc<Mutex<Rules>>,
    board: KernelBoard,
    origin: Origin,
}

impl Guard {
    pub(crate) fn new(config: &RulesConfig, board: &KernelBoard, origin: Origin) -> Result<Self, InvalidRules> {
        Ok(Self { rules: Arc::new(Mutex::new(Rules::new(config)?)), board: board.clone(), origin })
    }

    /// Shows the rules what was seen, and when; findings are emitted as events and counted on the board.
    pub(crate) fn judge<'a>(&self, seen: impl IntoIterator<Item = (Timestamp, Observation<'a>)>, cx: &mut Collect<'_>) {
        let (mut told, mut found) = (Vec::new(), Vec::new());
        let mut rules = self.rules.lock();
        let before = (rules.suppressed(), rules.forgotten());
        for (at, observation) in seen {
            rules.observe(at, &observation, &mut told);
            found.extend(told.drain(..).map(|finding| (at, finding)));
        }
        let after = (rules.suppressed(), rules.forgotten());
        if after != before {
            self.board.set(|status| (status.security.suppressed, status.security.forgotten) = after);
        }
        drop(rules);
        for (at, finding) in found {
            let is_threat = finding.severity >= Severity::Warning;
            self.board.set(|status| {
                status.security.threats += u64::from(is_threat);
                status.security.anomalies += u64::from(!is_threat);
                status.security.last_event_at = status.security.last_event_at.max(Some(at));
            });
            cx.emit(SystemEvent::new(self.origin.source("security"), at, EventData::Security(finding)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use observe_core::{EventKind, Exec, Item, KernelMode, ProcessCache, ProcessChange, Task};

    use super::*;
    use crate::rules::Started;

    fn exec(path: &str) -> Exec {
        Exec {
            change: ProcessChange::Started,
            task: Task { pid: 7, ..Task::default() },
            ppid: 1,
            path: path.to_owned(),
            arguments: vec![path.to_owned()],
        }
    }

    #[test]
    fn what_rules_did_not_tell_and_forgot_stands_on_the_board() {
        let board = KernelBoard::new(KernelMode::Simulated);
        let config = RulesConfig { max_sources: 16, ..RulesConfig::default() };
        let guard = Guard::new(&config, &board, Origin::Simulated).unwrap();
        let processes = ProcessCache::new();
        let now = Timestamp::from_millis(1_000);
        let mut cx = Collect::new(now, Instant::now() + Duration::from_secs(1), &processes);
        let programs: Vec<Exec> = (0..20).chain([19, 19]).map(|number| exec(&format!("/tmp/{number}"))).collect();

        let started = programs.iter().map(|exec| Observation::Exec(Started { exec, is_deleted: false }));
        guard.judge(started.map(|seen| (now, seen)), &mut cx);

        let counts = board.read().security;
        assert_eq!((counts.suppressed, counts.forgotten), (2, 4));
    }

    #[test]
    fn a_finding_is_an_event_that_says_where_it_is_from_and_counts_on_the_board() {
        let board = KernelBoard::new(KernelMode::Simulated);
        let guard = Guard::new(&RulesConfig::default(), &board, Origin::Simulated).unwrap();
        let processes = ProcessCache::new();
        let (at, now) = (Timestamp::from_millis(990), Timestamp::from_millis(1_000));
        let mut cx = Collect::new(now, Instant::now() + Duration::from_secs(1), &processes);
        let exec = exec("/tmp/x");

        guard.judge([(at, Observation::Exec(Started { exec: &exec, is_deleted: false }))], &mut cx);

        let items = cx.take_items();
        let [Item::Event(event)] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!((event.kind(), &*event.source), (EventKind::Security, "simulated::security"));
        assert_eq!(event.timestamp, at);
        let counts = board.read().security;
        assert_eq!((counts.threats + counts.anomalies, counts.last_event_at), (1, Some(at)));
    }
}
