//! Lists of what a rule does not speak of.

use std::net::IpAddr;

use super::rule::Allows;
use crate::glob::fits;

/// Addresses, networks and patterns of programs.
#[derive(Debug, Default)]
pub(super) struct Allow {
    networks: Vec<Network>,
    /// In these, `*` stands for any characters, none included.
    patterns: Vec<String>,
}

impl Allow {
    /// Reads the entries of a list; says what is wrong with the first that cannot be used.
    pub(super) fn parse(entries: &[String], allows: Allows) -> Result<Self, (String, &'static str)> {
        if entries.len() > MAX_ENTRIES {
            return Err((format!("{} entries", entries.len()), "give at most 256 entries"));
        }
        let mut allow = Self::default();
        for entry in entries {
            let network = Network::parse(entry);
            let is_pattern = network.is_none() && !looks_like_address(entry) && !entry.trim().is_empty();
            match (network, allows) {
                (Some(network), Allows::Addresses | Allows::AddressesAndPrograms) => allow.networks.push(network),
                (None, Allows::Programs | Allows::AddressesAndPrograms) if is_pattern => {
                    allow.patterns.push(entry.clone());
                }
                _ => return Err((format!("{entry:?}"), advice(allows))),
            }
        }
        Ok(allow)
    }

    /// Returns whether the other side, or a program by its path or name, is on the list.
    pub(super) fn permits(&self, peer: Option<IpAddr>, programs: &[&str]) -> bool {
        peer.is_some_and(|peer| self.networks.iter().any(|network| network.contains(peer)))
            || self.patterns.iter().any(|pattern| programs.iter().any(|program| fits(pattern, program)))
    }
}

const fn advice(allows: Allows) -> &'static str {
    match allows {
        Allows::Addresses => "give addresses or networks: 192.0.2.7, 10.0.0.0/8, fd00::/8",
        Allows::AddressesAndPrograms => "give addresses, networks, paths of programs or names of commands",
        Allows::Programs => "give paths of programs or names of commands; * stands for any characters",
    }
}

/// Some addresses: those that have the same first bits. IPv4 is held as mapped into IPv6.
#[derive(Clone, Copy, Debug)]
struct Network {
    bits: u128,
    mask: u128,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(width), |length| length.parse().ok()).filter(|length| *length <= width)?;
        let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
        Some(Self { bits: bits(address) & mask, mask })
    }

    fn contains(self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.bits
    }
}

const fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Tells a mistyped address from the name of a program or host.
fn looks_like_address(text: &str) -> bool {
    let is_v4 = text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '/' | '-'));
    let is_v6 = text.matches(':').count() > 1;
    is_v4 || is_v6 && text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/'))
}

const MAX_ENTRIES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(entries: &[&str], allows: Allows) -> Result<Allow, (String, &'static str)> {
        let entries: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
        Allow::parse(&entries, allows)
    }

    #[test]
    fn networks_contain_their_addresses() {
        let allow = allow(&["10.0.0.0/8", "192.0.2.7", "fd00::/8", "::1"], Allows::Addresses).unwrap();

        for address in ["10.255.0.1", "192.0.2.7", "fdab::1", "::1", "::ffff:10.1.1.1"] {
            assert!(allow.permits(Some(address.parse().unwrap()), &[]), "{address}");
        }
        for address in ["11.0.0.1", "192.0.2.8", "fe00::1", "::2"] {
            assert!(!allow.permits(Some(address.parse().unwrap()), &[]), "{address}");
        }
        assert!(!allow.permits(None, &["10.0.0.1"]));
    }

    #[test]
    fn a_network_of_length_zero_is_everything_of_its_kind() {
        let allow = allow(&["0.0.0.0/0"], Allows::Addresses).unwrap();

        assert!(allow.permits(Some("1.2.3.4".parse().unwrap()), &[]));
        assert!(!allow.permits(Some("2001:db8::1".parse().unwrap()), &[]));
    }

    #[test]
    fn patterns_match_whole_paths_or_names() {
        let allow = allow(&["/tmp/go-build*", "*/x/*.test", "make", "cafe.de"], Allows::Programs).unwrap();

        for program in ["/tmp/go-build1/a", "/a/x/b.test", "make"] {
            assert!(allow.permits(None, &["other", program]), "{program}");
        }
        for program in ["/var/tmp/go-build1", "/a/x/b.tests", "cmake", "makefile", ""] {
            assert!(!allow.permits(None, &[program]), "{program}");
        }
    }

    #[test]
    fn entries_that_cannot_be_meant_are_refused() {
        for (entries, allows) in [
            (&["10.0.0.0/33"][..], Allows::Addresses),
            (&["10.0.0.256"], Allows::AddressesAndPrograms),
            (&["fd00::/129"], Allows::AddressesAndPrograms),
            (&["10.0.0.0/-1"], Allows::AddressesAndPrograms),
            (&["nmap"], Allows::Addresses),
            (&["10.0.0.1"], Allows::Programs),
            (&["a", " "], Allows::Programs),
            (&["x"; 257], Allows::Programs),
        ] {
            assert!(allow(entries, allows).is_err(), "{entries:?}");
        }
    }
}
