//! What users may set about packets.

use serde::{Deserialize, Serialize};

use crate::{InterfaceFilter, InvalidConfig};

/// The sub-section `[ebpf.net]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetConfig {
    /// Whether packets are counted. This needs `CAP_NET_ADMIN`.
    pub enabled: bool,
    /// Seconds between two readings, 0.1 to 3600.
    pub interval_seconds: f64,
    /// Interfaces whose packets count, at most 32. By default those are left out whose packets pass another one as
    /// well: bridges, and the ends of containers and virtual machines. `lo` counts each packet twice, as it leaves and
    /// as it comes in.
    pub interfaces: InterfaceFilter,
    /// Whether requests over HTTP/1 are timed, by the first bytes of what packets carry.
    pub http: bool,
    /// Whether each request over HTTP/1 becomes an event, rather than slow and failed ones alone.
    pub http_events: bool,
    /// A request that is answered after so many milliseconds or later becomes an event, 1 to 3600000.
    pub slow_ms: u64,
    /// Whether the first bytes that each side of a connection sends leave the kernel, 256 at most: for rules, and for
    /// the method and path of requests. They are never stored.
    pub first_bytes: bool,
    /// Places a processor for the flows with most bytes: a power of two from 64 to 8192, or 0 for no flows.
    pub flows: u32,
    /// The most flows that have series of their own at a time, 256 at most.
    pub max_flows: usize,
}

impl Default for NetConfig {
    fn default() -> Self {
        let exclude = COUNTED_ELSEWHERE.map(str::to_owned).into();
        Self {
            enabled: true,
            interval_seconds: 1.0,
            interfaces: InterfaceFilter { include: Vec::new(), exclude },
            http: true,
            http_events: false,
            slow_ms: 1000,
            first_bytes: false,
            flows: 0,
            max_flows: 16,
        }
    }
}

impl NetConfig {
    /// Returns the number of places for flows.
    pub(crate) fn flows(&self) -> Result<u32, InvalidConfig> {
        if self.flows == 0 || self.flows.is_power_of_two() && (64..=8192).contains(&self.flows) {
            return Ok(self.flows);
        }
        Err(InvalidConfig::Value {
            key: "ebpf.net.flows",
            value: self.flows.to_string(),
            advice: "set it to 0, or to a power of two from 64 to 8192",
        })
    }

    /// Returns how many flows have series of their own.
    pub(crate) fn max_flows(&self) -> Result<usize, InvalidConfig> {
        if self.max_flows <= MAX_FLOWS {
            return Ok(self.max_flows);
        }
        let (key, value) = ("ebpf.net.max_flows", self.max_flows.to_string());
        Err(InvalidConfig::Value { key, value, advice: "set it to 0 to 256" })
    }
}

/// Each has a series of its own, which takes memory and room in the store.
const MAX_FLOWS: usize = 256;

/// What leaves a container or a virtual machine for another host passes its own end, a bridge and a card. The card
/// counts it once, as it counts what the host itself sends.
const COUNTED_ELSEWHERE: [&str; 11] =
    ["br-*", "cali*", "cni*", "docker*", "flannel*", "ifb*", "lxc*", "tap*", "veth*", "virbr*", "vnet*"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_for_flows_are_none_or_a_power_of_two() {
        for (flows, is_valid) in [(0, true), (64, true), (8192, true), (32, false), (100, false), (16_384, false)] {
            assert_eq!(NetConfig { flows, ..NetConfig::default() }.flows().is_ok(), is_valid, "{flows}");
        }
    }

    #[test]
    fn flows_with_series_of_their_own_are_256_at_most() {
        let max_flows = |max_flows| NetConfig { max_flows, ..NetConfig::default() }.max_flows();

        assert_eq!([0, 256].map(|flows| max_flows(flows).ok()), [Some(0), Some(256)]);
        let refused = max_flows(257).unwrap_err().to_string();
        assert_eq!(refused, "ebpf.net.max_flows = 257 cannot be used: set it to 0 to 256");
    }

    #[test]
    fn what_a_card_counts_is_not_counted_again_at_a_bridge() {
        let interfaces = NetConfig::default().interfaces;

        assert!(interfaces.accepts("eth0") && interfaces.accepts("lo") && interfaces.accepts("wg0"));
        assert!(!interfaces.accepts("docker0") && !interfaces.accepts("veth12ab") && !interfaces.accepts("br-0a1b"));
    }
}
