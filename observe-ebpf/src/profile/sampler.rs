//! The programs that sample, and what they counted.

use std::{collections::HashMap, mem};

use aya::{
    maps::{Array, HashMap as Counts, MapError, StackTraceMap},
    programs::{
        PerfEvent, ProgramError,
        perf_event::{PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent},
    },
    util::online_cpus,
};

use crate::{
    config::{InvalidConfig, ProfileConfig},
    kernel::{Kernel, Loaded, Object, Rows, Setup, Unavailable},
};

/// Programs that sample every processor on its clock. Dropping them ends it.
///
/// The clock is the kernel's own, not a counter of the hardware: guests seldom have one, and others may need it.
#[derive(Debug)]
pub(crate) struct Sampler {
    loaded: Loaded,
    counts: Rows,
    /// The half that the programs write to.
    half: usize,
    /// Samples that were found in each half.
    found: [u64; 2],
    /// Samples of each half that are known to be lost.
    lost: [u64; 2],
    stacks_lost: u64,
    /// No map has more elements.
    limit: usize,
}

/// What was sampled since the time before.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) samples: Vec<Sample>,
    /// Addresses by the stack's id, the innermost first.
    pub(super) stacks: HashMap<u32, Vec<u64>>,
    /// Samples for which there was no place.
    pub(super) lost: u64,
    /// Stacks for which there was no place.
    pub(super) stacks_lost: u64,
}

/// Samples that are alike.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sample {
    pub(super) pid: u32,
    pub(super) command: String,
    pub(super) user: Stack,
    pub(super) kernel: Stack,
    pub(super) count: u64,
}

/// What is known of one of a sample's stacks. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stack {
    Known(u32),
    /// There was no place for it.
    Lost,
    /// The sample has none.
    None,
}

impl Sampler {
    /// Loads the programs and attaches one to each processor that is online.
    pub(super) fn load(kernel: &Kernel, config: &ProfileConfig, has_stacks: bool) -> Result<Self, Unavailable> {
        let stacks = if has_stacks { config.stacks } else { 1 };
        let setup = Setup::default()
            .global("cfg_pid", &config.pid)
            .global("cfg_stacks", &u32::from(has_stacks))
            .size("obs_sampled", kernel.cpus())
            .size("obs_stacks_0", stacks)
            .size("obs_stacks_1", stacks)
            .size("obs_counts_0", config.stacks)
            .size("obs_counts_1", config.stacks);
        let mut loaded = kernel.load(&OBJECT, &setup, "perf_event")?;
        attach(&mut loaded, config.frequency_hz).map_err(|error| kernel.refusal(OBJECT.needs, PROGRAM, &error))?;
        Ok(Self {
            counts: loaded.rows(kernel, "obs_sampled", 1)?,
            loaded: loaded.attached(),
            half: 0,
            found: [0; 2],
            lost: [0; 2],
            stacks_lost: 0,
            // The kernel makes a power of two of the number of stacks.
            limit: config.stacks.next_power_of_two() as usize,
        })
    }

    pub(super) const fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Takes what was sampled since the time before.
    pub(super) fn take(&mut self) -> Result<Taken, MapError> {
        let (full, fresh) = (self.half, 1 - self.half);
        // A program that was running when halves were swapped may have written since. What it wrote counts as lost.
        let _late = self.drain(fresh)?;
        self.clear_stacks(fresh)?;
        self.swap(fresh)?;
        let samples = self.drain(full)?;
        let stacks = self.read_stacks(full, &samples)?;
        self.clear_stacks(full)?;
        self.found[full] += samples.iter().map(|sample| sample.count).sum::<u64>();
        let lost = self.counts.sum(0, full).saturating_sub(self.found[full]);
        let stacks_lost = self.counts.sum(0, STACKS_LOST_WORD);
        Ok(Taken {
            samples,
            stacks,
            lost: lost.saturating_sub(mem::replace(&mut self.lost[full], lost)),
            stacks_lost: stacks_lost.saturating_sub(mem::replace(&mut self.stacks_lost, stacks_lost)),
        })
    }

    /// Has the programs write to another half.
    fn swap(&mut self, fresh: usize) -> Result<(), MapError> {
        let mut map: Array<_, u32> = self.loaded.ebpf().map_mut(HALF).ok_or_else(|| absent(HALF))?.try_into()?;
        map.set(0, fresh as u32, 0)?;
        self.half = fresh;
        Ok(())
    }

    /// Takes the counts out of a half.
    fn drain(&mut self, half: usize) -> Result<Vec<Sample>, MapError> {
        let name = COUNTS[half];
        let map = self.loaded.ebpf().map_mut(name).ok_or_else(|| absent(name))?;
        let mut counts: Counts<_, Key, u64> = map.try_into()?;
        let found = counts.iter().take(self.limit).collect::<Result<Vec<_>, _>>()?;
        for (key, _) in &found {
            counts.remove(key)?;
        }
        Ok(found.into_iter().map(sample).collect())
    }

    fn read_stacks(&mut self, half: usize, samples: &[Sample]) -> Result<HashMap<u32, Vec<u64>>, MapError> {
        let name = STACKS[half];
        let map: StackTraceMap<_> = self.loaded.ebpf().map(name).ok_or_else(|| absent(name))?.try_into()?;
        let mut stacks = HashMap::new();
        for stack in samples.iter().flat_map(|sample| [sample.user, sample.kernel]) {
            let Stack::Known(id) = stack else { continue };
            if stacks.contains_key(&id) {
                continue;
            }
            match map.get(&id, 0) {
                Ok(trace) => drop(stacks.insert(id, trace.frames().iter().map(|frame| frame.ip).collect())),
                Err(MapError::KeyNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stacks)
    }

    fn clear_stacks(&mut self, half: usize) -> Result<(), MapError> {
        let name = STACKS[half];
        let mut map: StackTraceMap<_> = self.loaded.ebpf().map_mut(name).ok_or_else(|| absent(name))?.try_into()?;
        let ids = map.stack_ids().take(self.limit).collect::<Result<Vec<_>, _>>()?;
        ids.iter().try_for_each(|id| map.remove(id))
    }
}

/// Refuses settings that the programs cannot be loaded with.
pub(super) fn check(config: &ProfileConfig) -> Result<(), InvalidConfig> {
    let refuse = |key, value: u32, advice| Err(InvalidConfig::Value { key, value: value.to_string(), advice });
    if !(1..=999).contains(&config.frequency_hz) {
        return refuse("ebpf.profile.frequency_hz", config.frequency_hz, "set it to 1 to 999");
    }
    if !(64..=65_536).contains(&config.stacks) {
        return refuse("ebpf.profile.stacks", config.stacks, "set it to 64 to 65536");
    }
    Ok(())
}

fn attach(loaded: &mut Loaded, frequency: u32) -> Result<(), ProgramError> {
    let absent = || ProgramError::InvalidName { name: PROGRAM.to_owned() };
    let program: &mut PerfEvent = loaded.ebpf().program_mut(PROGRAM).ok_or_else(absent)?.try_into()?;
    program.load()?;
    for cpu in online_cpus().map_err(|(_, error)| ProgramError::IOError(error))? {
        let clock = PerfEventConfig::Software(SoftwareEvent::CpuClock);
        let policy = SamplePolicy::Frequency(frequency.into());
        program.attach(clock, PerfEventScope::AllProcessesOneCpu { cpu }, policy, false)?;
    }
    Ok(())
}

/// Reads a `struct obs_sample` and its count.
fn sample((key, count): (Key, u64)) -> Sample {
    let [pid, user, kernel, command @ ..] = key;
    let bytes: Vec<u8> = command.iter().flat_map(|word| word.to_ne_bytes()).take_while(|byte| *byte != 0).collect();
    let command = String::from_utf8_lossy(&bytes).into_owned();
    Sample { pid, command, user: stack(user), kernel: stack(kernel), count }
}

fn stack(id: u32) -> Stack {
    match id.cast_signed() {
        0.. => Stack::Known(id),
        NO_STACK => Stack::None,
        _ => Stack::Lost,
    }
}

fn absent(name: &str) -> MapError {
    MapError::InvalidName { name: name.to_owned() }
}

static OBJECT: Object = Object {
    name: "profile",
    traced: aya::include_bytes_aligned!("../../bpf/objects/profile.bpf.o"),
    raw: None,
    needs: "CAP_PERFMON",
};

/// The words of a `struct obs_sample`.
type Key = [u32; 7];

const PROGRAM: &str = "sample";
const HALF: &str = "obs_half";
const COUNTS: [&str; 2] = ["obs_counts_0", "obs_counts_1"];
const STACKS: [&str; 2] = ["obs_stacks_0", "obs_stacks_1"];
/// Samples of the two halves stand before.
const STACKS_LOST_WORD: usize = 2;
/// EFAULT, as the kernel says it.
const NO_STACK: i32 = -14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_read_word_by_word() {
        let name = [*b"ab\0c", [b'x'; 4], [b'x'; 4], [b'x'; 4]].map(u32::from_ne_bytes);
        let lost = (-17_i32).cast_unsigned();
        let none = NO_STACK.cast_unsigned();

        let read = sample(([7, 3, lost, name[0], name[1], name[2], name[3]], 5));

        let expected =
            Sample { pid: 7, command: "ab".to_owned(), user: Stack::Known(3), kernel: Stack::Lost, count: 5 };
        assert_eq!(read, expected);
        assert_eq!(stack(none), Stack::None);
    }

    #[test]
    fn settings_out_of_their_range_are_refused() {
        for (frequency_hz, stacks) in [(0, 4096), (1_000, 4096), (99, 63), (99, u32::MAX)] {
            let config = ProfileConfig { frequency_hz, stacks, ..ProfileConfig::default() };
            assert!(check(&config).is_err(), "{config:?}");
        }
        assert!(check(&ProfileConfig::default()).is_ok());
    }
}
