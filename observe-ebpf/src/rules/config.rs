//! What users may set about rules.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{allow::Allow, rule::Rule, window::Bits};

/// The section `[ebpf.rules]` of the settings.
///
/// # Examples
///
/// ```
/// use observe_ebpf::rules::RulesConfig;
///
/// let mut config = RulesConfig::default();
/// config.exec_from_tmp.allow.push("/tmp/go-build*".into());
/// config.scanner_tool.enabled = false;
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesConfig {
    /// Whether any rule runs.
    pub enabled: bool,
    /// Seconds in which the same finding is told once, 1 to 86,400.
    pub window_seconds: u64,
    /// How many sources, destinations, processes and findings are remembered, each; 16 to 65,536.
    pub max_sources: usize,
    /// Lookups of Log4j, shell functions and shell commands in requests.
    pub code_injection: RuleConfig,
    /// Programs that mine.
    pub crypto_miner: RuleConfig,
    /// Connections to ports of mining pools.
    pub crypto_miner_port: CryptoMinerPortConfig,
    /// Programs whose file was deleted.
    pub deleted_binary: DeletedBinaryConfig,
    /// Downloads that go to a shell.
    pub download_and_run: RuleConfig,
    /// Programs in directories that everyone may write to.
    pub exec_from_tmp: RuleConfig,
    /// Requests that climb out of their directory.
    pub path_traversal: RuleConfig,
    /// Passwords that cross the network unencrypted.
    pub plaintext_credentials: RuleConfig,
    /// Many ports or hosts that one source tries.
    pub port_scan: PortScanConfig,
    /// Shells that are bound to a connection.
    pub reverse_shell: RuleConfig,
    /// Clients that name themselves as scanners.
    pub scanner_tool: RuleConfig,
    /// Shells that connect themselves.
    pub shell_connection: RuleConfig,
    /// SQL in requests.
    pub sql_injection: RuleConfig,
    /// Many connections to a login service.
    pub ssh_brute_force: SshBruteForceConfig,
    /// Many connections that are begun and not completed.
    pub syn_flood: SynFloodConfig,
}

impl Default for RulesConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            window_seconds: 300,
            max_sources: 1024,
            code_injection: RuleConfig::default(),
            crypto_miner: RuleConfig::default(),
            crypto_miner_port: CryptoMinerPortConfig::default(),
            deleted_binary: DeletedBinaryConfig::default(),
            download_and_run: RuleConfig::default(),
            exec_from_tmp: RuleConfig::default(),
            path_traversal: RuleConfig::default(),
            plaintext_credentials: RuleConfig::default(),
            port_scan: PortScanConfig::default(),
            reverse_shell: RuleConfig::default(),
            scanner_tool: RuleConfig::default(),
            shell_connection: RuleConfig::default(),
            sql_injection: RuleConfig::default(),
            ssh_brute_force: SshBruteForceConfig::default(),
            syn_flood: SynFloodConfig::default(),
        }
    }
}

/// Declares the sub-section of one rule: what all have in common, then its own fields with their defaults.
macro_rules! section {
    (
        $(#[$doc:meta])* $name:ident allowing [$($allowed:literal),*] {
            $($(#[$field_doc:meta])* $field:ident: $kind:ty = $default:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Whether the rule runs.
            pub enabled: bool,
            /// What the rule does not speak of, at most 256 entries: addresses and networks of the other side, paths
            /// of programs and names of commands. Which of them it may hold is in the table of rules.
            pub allow: Vec<String>,
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { enabled: true, allow: vec![$($allowed.to_owned()),*], $($field: $default,)* }
            }
        }

        impl $name {
            fn switch(&self) -> (bool, &[String]) {
                (self.enabled, &self.allow)
            }
        }
    };
}

section! {
    /// A rule without settings of its own.
    RuleConfig allowing [] {}
}

section! {
    /// The sub-section `[ebpf.rules.crypto_miner_port]`.
    CryptoMinerPortConfig allowing [] {
        /// The ports, at most 64.
        ports: Vec<u16> = vec![3333, 4444, 5555, 7777, 14433, 14444, 45560, 45700],
    }
}

section! {
    /// The sub-section `[ebpf.rules.deleted_binary]`.
    DeletedBinaryConfig allowing ["*runc_cloned*", "runc*"] {}
}

section! {
    /// The sub-section `[ebpf.rules.port_scan]`.
    PortScanConfig allowing [] {
        /// Seconds in which attempts are counted, 1 to 3600.
        window_seconds: u64 = 60,
        /// How many ports without success are a scan, 5 to 128.
        ports: u32 = 20,
        /// How many hosts without success are a scan, 5 to 128.
        hosts: u32 = 50,
    }
}

section! {
    /// The sub-section `[ebpf.rules.ssh_brute_force]`.
    SshBruteForceConfig allowing [] {
        /// Seconds in which connections are counted, 1 to 3600.
        window_seconds: u64 = 60,
        /// How many connections from one source to one destination are too many, 2 to 1,000,000.
        connections: u64 = 30,
        /// The ports of login services, at most 64.
        ports: Vec<u16> = vec![22],
    }
}

section! {
    /// The sub-section `[ebpf.rules.syn_flood]`.
    SynFloodConfig allowing [] {
        /// Seconds in which requests are counted, 1 to 3600.
        window_seconds: u64 = 10,
        /// How many requests to one destination may be a flood, 10 to 1,000,000,000; three of four must have no success.
        requests: u64 = 1000,
    }
}

impl RulesConfig {
    /// Returns whether a rule runs, and its allow list.
    fn section(&self, rule: Rule) -> (bool, &[String]) {
        match rule {
            Rule::CodeInjection => self.code_injection.switch(),
            Rule::CryptoMiner => self.crypto_miner.switch(),
            Rule::CryptoMinerPort => self.crypto_miner_port.switch(),
            Rule::DeletedBinary => self.deleted_binary.switch(),
            Rule::DownloadAndRun => self.download_and_run.switch(),
            Rule::ExecFromTmp => self.exec_from_tmp.switch(),
            Rule::PathTraversal => self.path_traversal.switch(),
            Rule::PlaintextCredentials => self.plaintext_credentials.switch(),
            Rule::PortScan => self.port_scan.switch(),
            Rule::ReverseShell => self.reverse_shell.switch(),
            Rule::ScannerTool => self.scanner_tool.switch(),
            Rule::ShellConnection => self.shell_connection.switch(),
            Rule::SqlInjection => self.sql_injection.switch(),
            Rule::SshBruteForce => self.ssh_brute_force.switch(),
            Rule::SynFlood => self.syn_flood.switch(),
        }
    }

    /// Reads what `rule` does not speak of; `None` where it does not run.
    pub(super) fn allow(&self, rule: Rule) -> Result<Option<Allow>, InvalidRules> {
        let (is_enabled, entries) = self.section(rule);
        let allow = Allow::parse(entries, rule.info().allows).map_err(|(value, advice)| InvalidRules {
            key: format!("ebpf.rules.{}.allow", rule.info().id),
            value,
            advice,
        })?;
        Ok((self.enabled && is_enabled).then_some(allow))
    }

    /// Checks every number.
    pub(super) fn check(&self) -> Result<(), InvalidRules> {
        let useful = u64::from(Bits::USEFUL);
        let (miner, scan, ssh, syn) =
            (&self.crypto_miner_port, &self.port_scan, &self.ssh_brute_force, &self.syn_flood);
        let sources = u64::try_from(self.max_sources).unwrap_or(u64::MAX);
        for (key, value, least, most, advice) in [
            ("window_seconds", self.window_seconds, 1, 86_400, "set it to 1 to 86,400 seconds"),
            ("max_sources", sources, 16, 65_536, "set it to 16 to 65,536"),
            ("port_scan.window_seconds", scan.window_seconds, 1, 3600, SECONDS),
            ("port_scan.ports", scan.ports.into(), 5, useful, "set it to 5 to 128"),
            ("port_scan.hosts", scan.hosts.into(), 5, useful, "set it to 5 to 128"),
            ("ssh_brute_force.window_seconds", ssh.window_seconds, 1, 3600, SECONDS),
            ("ssh_brute_force.connections", ssh.connections, 2, 1_000_000, "set it to 2 to 1,000,000"),
            ("syn_flood.window_seconds", syn.window_seconds, 1, 3600, SECONDS),
            ("syn_flood.requests", syn.requests, 10, 1_000_000_000, "set it to 10 to 1,000,000,000"),
        ] {
            if !(least..=most).contains(&value) {
                return Err(InvalidRules { key: format!("ebpf.rules.{key}"), value: value.to_string(), advice });
            }
        }
        for (key, ports) in [("crypto_miner_port", &miner.ports), ("ssh_brute_force", &ssh.ports)] {
            if ports.len() > MAX_PORTS || ports.contains(&0) {
                let (key, value) = (format!("ebpf.rules.{key}.ports"), format!("{} ports", ports.len()));
                return Err(InvalidRules { key, value, advice: "give at most 64 ports, none of them 0" });
            }
        }
        Ok(())
    }
}

/// Says which setting of a rule cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{key} = {value} cannot be used: {advice}")]
#[non_exhaustive]
pub struct InvalidRules {
    /// The setting: `ebpf.rules.port_scan.ports`.
    pub key: String,
    /// What it is set to.
    pub value: String,
    /// What to do.
    pub advice: &'static str,
}

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const SECONDS: &str = "set it to 1 to 3600 seconds";
const MAX_PORTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{ALL, Rules};

    fn refusal(text: &str) -> String {
        Rules::new(&toml::from_str(text).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn every_rule_has_a_section_of_its_name_and_runs_unless_switched_off() {
        let sections: toml::Table = toml::from_str(&toml::to_string(&RulesConfig::default()).unwrap()).unwrap();
        let names: Vec<&str> = sections.iter().filter(|(_, value)| value.is_table()).map(|(key, _)| &**key).collect();

        assert!(names.iter().copied().eq(ALL.iter().map(|rule| rule.id)), "{names:?}");
        for &rule in Rule::EVERY {
            assert!(RulesConfig::default().section(rule).0, "{rule:?}");
            let off: RulesConfig = toml::from_str(&format!("[{}]\nenabled = false", rule.info().id)).unwrap();
            let is_off = |other: &Rule| off.allow(*other).unwrap().is_none();
            assert!(Rule::EVERY.iter().filter(|other| is_off(other)).eq([&rule]), "{rule:?}");
        }
    }

    #[test]
    fn sections_may_be_given_in_part() {
        let config: RulesConfig = toml::from_str("[port_scan]\nports = 30\n[deleted_binary]\nenabled = false").unwrap();

        assert_eq!((config.port_scan.ports, config.port_scan.hosts, config.port_scan.enabled), (30, 50, true));
        assert_eq!(config.deleted_binary.allow, ["*runc_cloned*", "runc*"]);
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for text in ["rules = 1", "[port_scan]\nseconds = 1", "[scan]", "[exec_from_tmp]\nallow_list = []"] {
            let error = toml::from_str::<RulesConfig>(text).unwrap_err().to_string();

            assert!(error.contains("unknown field"), "{text}: {error}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused_with_key_and_advice() {
        for (text, key) in [
            ("window_seconds = 0", "ebpf.rules.window_seconds = 0 "),
            ("window_seconds = 86401", "ebpf.rules.window_seconds = 86401 "),
            ("max_sources = 4", "ebpf.rules.max_sources = 4 "),
            ("[port_scan]\nports = 129", "ebpf.rules.port_scan.ports = 129 "),
            ("[port_scan]\nhosts = 1", "ebpf.rules.port_scan.hosts = 1 "),
            ("[syn_flood]\nrequests = 1", "ebpf.rules.syn_flood.requests = 1 "),
            ("[ssh_brute_force]\nports = [0]", "ebpf.rules.ssh_brute_force.ports = 1 ports "),
            ("[port_scan]\nallow = ['10.0.0.0/33']", "ebpf.rules.port_scan.allow = \"10.0.0.0/33\" "),
            ("[sql_injection]\nallow = ['nginx']", "ebpf.rules.sql_injection.allow = \"nginx\" "),
        ] {
            let error = refusal(text);

            assert!(error.starts_with(key) && error.contains("cannot be used: "), "{error}");
        }
    }

    #[test]
    fn a_list_of_a_rule_that_is_off_is_checked_too() {
        assert!(refusal("[sql_injection]\nenabled = false\nallow = ['x']").contains("sql_injection.allow"));
    }
}
