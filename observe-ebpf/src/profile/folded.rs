//! Profiles: how many samples found which stack.

use std::{collections::BTreeMap, fmt::Write};

/// Samples of what processors work at, by command and stack.
///
/// Made by [`Profiler::take`](crate::Profiler::take). Its size is bounded: what is beyond counts under `[other]`.
///
/// # Examples
///
/// ```
/// use observe_ebpf::Profile;
///
/// let profile = Profile::default();
///
/// assert_eq!((profile.samples(), profile.folded()), (0, String::new()));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Profile {
    stacks: BTreeMap<String, u64>,
    bytes: usize,
    samples: u64,
    lost: u64,
    stacks_lost: u64,
}

impl Profile {
    /// Returns how many samples there are.
    #[must_use]
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// Returns how many samples are missing because the kernel had no place for them.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Returns how many stacks are missing because the kernel had no place for them. Their samples are there.
    #[must_use]
    pub const fn stacks_lost(&self) -> u64 {
        self.stacks_lost
    }

    /// Iterates over stacks and how many samples found them. A stack is `command;outermost;…;innermost`.
    pub fn stacks(&self) -> impl Iterator<Item = (&str, u64)> {
        self.stacks.iter().map(|(stack, count)| (stack.as_str(), *count))
    }

    /// Spells the stacks as tools for flame graphs read them: one a line, with its number of samples.
    #[must_use]
    pub fn folded(&self) -> String {
        self.stacks.iter().fold(String::new(), |mut text, (stack, count)| {
            // Writing to a string does not fail.
            writeln!(text, "{stack} {count}").unwrap_or_default();
            text
        })
    }

    /// Adds the samples of another profile.
    pub fn merge(&mut self, other: Self) {
        for (stack, count) in other.stacks {
            self.add(stack, count);
        }
        self.lose(other.lost, other.stacks_lost);
    }

    /// Adds samples of one stack.
    pub(super) fn add(&mut self, stack: String, count: u64) {
        self.samples += count;
        if let Some(sum) = self.stacks.get_mut(&stack) {
            *sum += count;
            return;
        }
        let is_full = self.bytes + stack.len() > MAX_BYTES;
        let stack = if is_full { OTHER.to_owned() } else { stack };
        self.bytes += if is_full { 0 } else { stack.len() };
        *self.stacks.entry(stack).or_default() += count;
    }

    /// Adds what is missing.
    pub(super) const fn lose(&mut self, samples: u64, stacks: u64) {
        self.lost += samples;
        self.stacks_lost += stacks;
    }
}

/// Stands for stacks that are too many.
const OTHER: &str = "[other]";
/// Bytes of all stacks of a profile.
const MAX_BYTES: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_that_are_alike_are_one_line() {
        let mut profile = Profile::default();
        profile.add("sh;main;run".to_owned(), 2);
        profile.add("cc;main".to_owned(), 1);
        let mut other = Profile::default();
        other.add("sh;main;run".to_owned(), 3);
        other.lose(4, 5);

        profile.merge(other);

        assert_eq!(profile.folded(), "cc;main 1\nsh;main;run 5\n");
        assert_eq!((profile.samples(), profile.lost(), profile.stacks_lost()), (6, 4, 5));
    }

    #[test]
    fn stacks_beyond_the_bound_are_counted_together() {
        let mut profile = Profile::default();
        let long = "x".repeat(MAX_BYTES / 2);
        for name in ["a", "b", "c"] {
            profile.add(format!("{name}{long}"), 1);
        }
        profile.add(format!("a{long}"), 1);

        let other = profile.stacks().find(|(stack, _)| *stack == OTHER);

        assert_eq!(other, Some((OTHER, 2)));
        assert_eq!(profile.samples(), 4);
    }
}
