//! Rules that find what may be an attack in what the kernel says.
//!
//! They run in user space over what other parts of this crate hand them: programs that start, connections, sums of
//! requests for connections and, where that is switched on, the first bytes of payloads. A step takes constant time
//! and no more memory than [`RulesConfig::max_sources`] states in each table. There is no clock and no I/O here.
//!
//! Evidence says what kind of thing matched, with paths, hosts and numbers; nothing else of a payload or of arguments
//! is in it.
//!
//! # Examples
//!
//! ```
//! use observe_core::Timestamp;
//! use observe_ebpf::rules::{Observation, Payload, Rules, RulesConfig};
//!
//! let mut rules = Rules::new(&RulesConfig::default())?;
//! let mut found = Vec::new();
//! let payload = Payload {
//!     source: "192.0.2.7:40000".parse()?,
//!     destination: "10.0.0.1:80".parse()?,
//!     interface: Some("eth0"),
//!     bytes: b"GET /items?id=1%20or%201=1 HTTP/1.1\r\n",
//!     is_incoming: true,
//! };
//! rules.observe(Timestamp::from_millis(0), &Observation::Payload(payload), &mut found);
//!
//! assert_eq!(found[0].rule, "sql_injection");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod allow;
mod command;
mod config;
mod connect;
mod credentials;
mod download;
mod exec;
mod flood;
mod http;
mod miner;
mod observation;
mod payload;
mod redact;
mod report;
mod request;
mod reverse;
mod rule;
mod scan;
mod script;
mod sql;
mod table;
#[cfg(test)]
mod testing;
mod text;
mod traversal;
mod window;

use observe_core::{Security, Timestamp};

pub use self::{
    config::{
        CryptoMinerPortConfig, DeletedBinaryConfig, InvalidRules, PortScanConfig, RuleConfig, RulesConfig,
        SshBruteForceConfig, SynFloodConfig,
    },
    observation::{Connect, ConnectOutcome, Observation, Payload, Started, Syns},
    rule::{ALL, Allows, RuleInfo},
};
use self::{
    connect::Connections,
    flood::Floods,
    report::{Reporter, Turn},
};

/// All rules and what they remember.
///
/// Some rules join what several features see, so one value is shared by all of them.
#[derive(Debug)]
pub struct Rules {
    reporter: Reporter,
    connections: Connections,
    floods: Floods,
}

impl Rules {
    /// Makes the rules; they have seen nothing yet.
    ///
    /// # Errors
    ///
    /// Refuses a setting that is out of its range, or an entry of an allow list that its rule cannot use.
    pub fn new(config: &RulesConfig) -> Result<Self, InvalidRules> {
        config.check()?;
        Ok(Self {
            reporter: Reporter::new(config)?,
            connections: Connections::new(config),
            floods: Floods::new(config),
        })
    }

    /// Looks at something that was seen and appends what is worth telling.
    ///
    /// The same finding, by rule and source, destination or program, is told once a window; the next one says how often
    /// it was seen in between.
    pub fn observe(&mut self, at: Timestamp, observation: &Observation<'_>, found: &mut Vec<Security>) {
        let turn = &mut Turn { at, reporter: &mut self.reporter, found };
        match observation {
            Observation::Connect(connect) => self.connections.observe(turn, connect),
            Observation::Exec(started) => {
                exec::observe(turn, started);
                self.connections.start(turn, started.exec);
            }
            Observation::Payload(payload) => payload::observe(turn, payload),
            Observation::Syns(syns) => {
                self.connections.scans.syns(turn, syns);
                self.floods.syns(turn, syns);
            }
        }
    }

    /// Returns how many findings were not told because the same was told shortly before.
    #[must_use]
    pub const fn suppressed(&self) -> u64 {
        self.reporter.suppressed()
    }

    /// Returns how many sources, destinations, processes and findings were forgotten because a table was full.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.reporter.evicted() + self.connections.evicted() + self.floods.evicted()
    }
}

#[cfg(test)]
mod tests;
