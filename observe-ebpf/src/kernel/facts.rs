//! What can be read about the kernel without asking it to do anything.

use std::{fs, path::Path};

use observe_core::KernelFacts;

/// Reads what the kernel says about itself and about this thread.
pub(crate) fn read() -> KernelFacts {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    KernelFacts {
        has_btf: Path::new(BTF).exists(),
        has_ring_buffers: version(&release).is_some_and(|version| version >= RING_BUFFERS),
        capabilities: capabilities(&status),
        lockdown: fs::read_to_string(LOCKDOWN).ok().and_then(|text| chosen(&text)),
        release,
    }
}

/// Reads `6.1.0-amd64` as (6, 1).
pub(crate) fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Returns those of the effective capabilities that tracing may need.
fn capabilities(status: &str) -> Vec<&'static str> {
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:")).map(str::trim);
    let mask = mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
    CAPABILITIES.into_iter().filter(|(_, bit)| mask >> bit & 1 == 1).map(|(name, _)| name).collect()
}

/// Reads `none [integrity] confidentiality`.
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_owned())
}

/// Where the kernel describes its types.
pub(crate) const BTF: &str = "/sys/kernel/btf/vmlinux";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
const RING_BUFFERS: (u32, u32) = (5, 8);
const CAPABILITIES: [(&str, u32); 5] =
    [("CAP_BPF", 39), ("CAP_DAC_READ_SEARCH", 2), ("CAP_NET_ADMIN", 12), ("CAP_PERFMON", 38), ("CAP_SYS_ADMIN", 21)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_those_of_the_mask() {
        assert_eq!(capabilities("Name:\tx\nCapEff:\t000000c000000000\n"), ["CAP_BPF", "CAP_PERFMON"]);
        assert!(capabilities("CapEff:\tzz\n").is_empty() && capabilities("").is_empty());
    }

    #[test]
    fn the_mode_of_lockdown_is_the_one_in_brackets() {
        assert_eq!(chosen("none [integrity] confidentiality\n").as_deref(), Some("integrity"));
        assert_eq!(chosen("none"), None);
    }
}
