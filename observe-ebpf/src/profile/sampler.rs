//! The programs that sample, and what they counted.

use std::{collections::HashMap, mem};

use aya::{
    Pod,
    maps::{Array, HashMap as Hash, MapError},
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
    /// Addresses by the stack's number, the innermost first.
    pub(super) stacks: HashMap<u64, Vec<u64>>,
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
    Known(u64),
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
            limit: config.stacks as usize,
        })
    }

    pub(super) const fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Takes what was sampled since the time before.
    pub(super) fn take(&mut self) -> Result<Taken, MapError> {
        let (full, fresh) = (self.half, 1 - self.half);
        // A program that was running when halves were swapped may have written since. What it wrote counts as lost.
        self.drain::<Key, u64>(COUNTS[fresh])?;
        self.drain::<u64, Addresses>(STACKS[fresh])?;
        self.swap(fresh)?;
        let samples: Vec<Sample> = self.drain(COUNTS[full])?.into_iter().map(sample).collect();
        let stacks = self.drain::<u64, Addresses>(STACKS[full])?.into_iter();
        let stacks = stacks
            .map(|(number, addresses)| (number, addresses.into_iter().take_while(|address| *address != 0).collect()));
        self.found[full] += samples.iter().map(|sample| sample.count).sum::<u64>();
        let lost = self.counts.sum(0, full).saturating_sub(self.found[full]);
        let stacks_lost = self.counts.sum(0, STACKS_LOST_WORD);
        Ok(Taken {
            samples,
            stacks: stacks.collect(),
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

    /// Takes everything out of a map.
    fn drain<K: Pod, V: Pod>(&mut self, name: &str) -> Result<Vec<(K, V)>, MapError> {
        let map = self.loaded.ebpf().map_mut(name).ok_or_else(|| absent(name))?;
        let mut map: Hash<_, K, V> = map.try_into()?;
        let found = map.iter().take(self.limit).collect::<Result<Vec<_>, _>>()?;
        found.iter().try_for_each(|(key, _)| map.remove(key))?;
        Ok(found)
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
    let [user, kernel, rest @ ..] = key;
    let bytes = rest.map(u64::to_ne_bytes);
    let (pid, command) = bytes.as_flattened().split_first_chunk().unwrap_or((&[0; 4], &[]));
    let command = command.split(|byte| *byte == 0).next().unwrap_or_default();
    Sample {
        pid: u32::from_ne_bytes(*pid),
        command: String::from_utf8_lossy(command).into_owned(),
        user: stack(user),
        kernel: stack(kernel),
        count,
    }
}

const fn stack(number: u64) -> Stack {
    match number {
        0 => Stack::None,
        1 => Stack::Lost,
        number => Stack::Known(number),
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
type Key = [u64; 5];
/// The words of a `struct obs_stack`.
type Addresses = [u64; 127];

const PROGRAM: &str = "sample";
const HALF: &str = "obs_half";
const COUNTS: [&str; 2] = ["obs_counts_0", "obs_counts_1"];
const STACKS: [&str; 2] = ["obs_stacks_0", "obs_stacks_1"];
/// Samples of the two halves stand before.
const STACKS_LOST_WORD: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_read_field_by_field() {
        let mut bytes = 7_u32.to_ne_bytes().to_vec();
        bytes.extend(b"ab\0garbage..........");
        let words: Vec<u64> = bytes.chunks(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect();

        let read = sample(([1 << 63, 1, words[0], words[1], words[2]], 5));

        let (command, user) = ("ab".to_owned(), Stack::Known(1 << 63));
        assert_eq!(read, Sample { pid: 7, command, user, kernel: Stack::Lost, count: 5 });
        assert_eq!(stack(0), Stack::None);
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
