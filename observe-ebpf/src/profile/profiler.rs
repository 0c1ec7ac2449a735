//! Profiles on demand.

use std::collections::HashMap;

use super::{
    folded::Profile,
    sampler::{Sample, Sampler, Stack, Taken, check},
    symbols::{Symbols, clean},
};
use crate::{
    config::ProfileConfig,
    kernel::{Kernel, Unavailable},
};

/// Samples what processors work at, with stacks, until it is dropped.
///
/// Every processor that is online is sampled on the kernel's clock, which works in guests too; code that runs with
/// interrupts off is found where it allows them again. It takes `CAP_BPF` and `CAP_PERFMON`. Names need more where
/// the kernel hides them: those of its own functions `CAP_SYSLOG`, those of other users' processes `CAP_SYS_PTRACE`.
/// In another namespace of processes than the first, functions of processes have no names.
///
/// User stacks are walked by frame pointers; below a function without them, frames are missing.
///
/// # Examples
///
/// ```no_run
/// use std::{thread, time::Duration};
///
/// use observe_core::{KernelBoard, KernelMode};
/// use observe_ebpf::{Kernel, Profile, ProfileConfig, Profiler};
///
/// let kernel = Kernel::new(KernelBoard::new(KernelMode::Live));
/// let mut profiler = Profiler::start(&kernel, &ProfileConfig::default())?;
/// let mut profile = Profile::default();
/// for _ in 0..10 {
///     // Processes are looked at when samples are taken: the sooner, the more of them are there still.
///     thread::sleep(Duration::from_secs(1));
///     profile.merge(profiler.take());
/// }
/// print!("{}", profile.folded());
/// # Ok::<(), observe_ebpf::Unavailable>(())
/// ```
#[derive(Debug)]
pub struct Profiler {
    sampler: Sampler,
    symbols: Symbols,
}

impl Profiler {
    /// Starts to sample. `enabled` and `interval_seconds` of the settings are about the collector, and mean nothing here.
    ///
    /// # Errors
    ///
    /// Says why the kernel does not let itself be sampled, or what setting is out of its range.
    pub fn start(kernel: &Kernel, config: &ProfileConfig) -> Result<Self, Unavailable> {
        let refused = |reason: String| Unavailable::Failed { what: "these settings".to_owned(), reason };
        let checked = check(config).and_then(|()| kernel.check_pid("ebpf.profile.pid", config.pid));
        checked.map_err(|error| refused(error.to_string()))?;
        let sampler = Sampler::load(kernel, config, true);
        kernel.settle();
        let symbols = if kernel.has_other_ids() { Symbols::without_processes() } else { Symbols::default() };
        Ok(Self { sampler: sampler?, symbols })
    }

    /// Takes the samples since the last time, and names their functions.
    ///
    /// Should the kernel not hand them over, the profile is short of them, and the log says why.
    pub fn take(&mut self) -> Profile {
        let taken = self.sampler.take().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read samples of processors");
            Taken::default()
        });
        self.symbols.begin();
        let mut profile = Profile::default();
        for sample in &taken.samples {
            profile.add(fold(sample, &taken.stacks, &mut self.symbols), sample.count);
        }
        profile.lose(taken.lost, taken.stacks_lost);
        profile
    }
}

/// Spells a sample's stacks, the outermost frame first.
fn fold(sample: &Sample, stacks: &HashMap<u64, Vec<u64>>, symbols: &mut Symbols) -> String {
    let mut folded = root(&sample.command);
    for (is_kernel, stack) in [(false, sample.user), (true, sample.kernel)] {
        let addresses = match stack {
            Stack::Known(id) => stacks.get(&id),
            Stack::Lost => None,
            Stack::None => continue,
        };
        let Some(addresses) = addresses else {
            folded.push_str(if is_kernel { ";[lost]_[k]" } else { ";[lost]" });
            continue;
        };
        for (depth, address) in addresses.iter().enumerate().rev() {
            // All but the innermost are where a call returns to, which may be past the function's end already.
            let address = address.saturating_sub(u64::from(depth > 0));
            folded.push(';');
            if is_kernel {
                folded.push_str(&symbols.of_kernel(address));
            } else {
                folded.push_str(&symbols.of_process(sample.pid, address));
            }
        }
    }
    folded
}

/// Spells a command so that its line is neither empty nor a comment.
fn root(command: &str) -> String {
    let command = clean(command);
    let command = command.trim_matches(|character: char| character == '#' || character.is_whitespace());
    if command.is_empty() { "[unnamed]".to_owned() } else { command.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(command: &str, user: Stack, kernel: Stack) -> Sample {
        Sample { pid: u32::MAX, command: command.to_owned(), user, kernel, count: 1 }
    }

    #[test]
    fn the_kernels_frames_follow_those_of_the_user() {
        let stacks = HashMap::from([(1, vec![16, 8]), (2, vec![24])]);
        let mut symbols = Symbols::default();

        let both = fold(&sample("sh", Stack::Known(1), Stack::Known(2)), &stacks, &mut symbols);
        let none = fold(&sample("sh", Stack::None, Stack::None), &stacks, &mut symbols);

        assert_eq!(both, "sh;[unknown];[unknown];[kernel]");
        assert_eq!(none, "sh");
    }

    #[test]
    fn stacks_that_were_lost_say_so() {
        let mut symbols = Symbols::default();

        let lost = fold(&sample("sh", Stack::Lost, Stack::Known(9)), &HashMap::new(), &mut symbols);

        assert_eq!(lost, "sh;[lost];[lost]_[k]");
    }

    #[test]
    fn a_command_cannot_pass_for_a_comment_or_for_frames() {
        assert_eq!(root("# a;b\n"), "a:b");
        assert_eq!(root(""), "[unnamed]");
    }
}
