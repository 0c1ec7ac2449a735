//! The closed list of event kinds.

use std::{fmt, str::FromStr};

/// Declares the kinds once: variant, wire name, meaning.
macro_rules! event_kinds {
    ($($variant:ident $name:literal $doc:literal,)+) => {
        /// What kind of event something is. The list is closed: interfaces refuse other names.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum EventKind {
            $(#[doc = $doc] $variant,)+
        }

        impl EventKind {
            /// Every kind there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the name that interfaces use, in upper case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns what events of this kind say, as a sentence.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc,)+
                }
            }
        }
    };
}

event_kinds! {
    Alert "ALERT" "A limit was crossed, or is respected again.",
    Anomaly "ANOMALY" "A detector found a value out of the ordinary.",
    CpuMetric "CPU_METRIC" "A frame of processor readings.",
    Custom "CUSTOM" "Whatever an embedder publishes.",
    DiskMetric "DISK_METRIC" "A frame of block device or filesystem readings.",
    Docker "DOCKER" "A container event.",
    Exec "EXEC" "A process started, ended or was killed for want of memory.",
    Execution "EXECUTION" "A playbook changed its state.",
    Ingest "INGEST" "An agent sent a payload.",
    Io "IO" "A block device took long for a request, or failed it.",
    Log "LOG" "A log record.",
    MemoryMetric "MEMORY_METRIC" "A frame of memory readings.",
    Metric "METRIC" "A frame of any other collector.",
    NetworkMetric "NETWORK_METRIC" "A frame of network readings.",
    NetworkPacket "NETWORK_PACKET" "Packets that were inspected.",
    ProcessMetric "PROCESS_METRIC" "A frame of process readings.",
    Security "SECURITY" "Something that may be an attack.",
    Span "SPAN" "A piece of work in a trace.",
    Syscall "SYSCALL" "A system call took long, or failed.",
    Trend "TREND" "A metric changed its direction.",
    Webhook "WEBHOOK" "A webhook delivery arrived.",
}

impl EventKind {
    /// Returns whether events of this kind are frames of samples.
    #[must_use]
    pub const fn is_frame(self) -> bool {
        matches!(
            self,
            Self::CpuMetric
                | Self::DiskMetric
                | Self::MemoryMetric
                | Self::Metric
                | Self::NetworkMetric
                | Self::ProcessMetric
        )
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = UnknownEventKind;

    /// Reads a name in any case.
    fn from_str(name: &str) -> Result<Self, UnknownEventKind> {
        Self::ALL.iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name)).copied().ok_or(UnknownEventKind)
    }
}

/// Says that a name is not that of an [`EventKind`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not the name of an event kind")]
pub struct UnknownEventKind;

/// A set of kinds, one bit each.
///
/// # Examples
///
/// ```
/// use observe_core::{EventKind, EventKinds};
///
/// let found = EventKinds::from_iter([EventKind::Anomaly, EventKind::Trend]);
///
/// assert!(found.contains(EventKind::Trend));
/// assert!(!found.contains(EventKind::Log));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EventKinds(u32);

impl EventKinds {
    /// Every kind.
    pub const ALL: Self = Self((1 << EventKind::ALL.len()) - 1);
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Returns whether the set has `kind`.
    #[must_use]
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 >> kind as u32 & 1 == 1
    }

    /// Returns whether both sets have a kind in common.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns whether the set has no kind.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Iterates over the kinds of the set.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }
}

impl Default for EventKinds {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<EventKind> for EventKinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_others_are_refused() {
        assert_eq!("cpu_metric".parse(), Ok(EventKind::CpuMetric));
        assert_eq!("CPU".parse::<EventKind>(), Err(UnknownEventKind));
    }

    #[test]
    fn every_kind_fits_into_a_set() {
        let all = EventKinds::from_iter(EventKind::ALL.iter().copied());

        assert_eq!(all.iter().count(), EventKind::ALL.len());
        assert!(EventKind::ALL.len() <= 32);
    }
}
