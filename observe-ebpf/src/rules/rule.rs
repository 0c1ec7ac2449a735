//! The table of rules: what each looks for, how much it matters, when it is wrong.

use observe_core::Severity;

/// What is known of a rule without running it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RuleInfo {
    /// Its name in events and settings: `port_scan`.
    pub id: &'static str,
    /// How much a finding matters.
    pub severity: Severity,
    /// What was seen, in one sentence.
    pub explanation: &'static str,
    /// When the rule is wrong.
    pub false_positives: &'static str,
    /// What its allow list may hold.
    pub allows: Allows,
    /// What to set when it is wrong too often.
    pub silence: &'static str,
}

/// What an allow list may hold. Complete by nature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Allows {
    /// Addresses and networks of the other side.
    Addresses,
    /// Both.
    AddressesAndPrograms,
    /// Paths of programs and names of commands.
    Programs,
}

impl Allows {
    /// Returns `addresses`, `addresses, programs` or `programs`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::AddressesAndPrograms => "addresses, programs",
            Self::Programs => "programs",
        }
    }
}

/// Declares the rules once.
macro_rules! rules {
    ($($variant:ident $id:literal $severity:ident $allows:ident
        seen $explanation:literal wrong $false_positives:literal silence $silence:literal;)+) => {
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub(super) enum Rule {
            $($variant,)+
        }

        impl Rule {
            pub(super) const EVERY: &[Self] = &[$(Self::$variant,)+];

            pub(super) const fn info(self) -> &'static RuleInfo {
                match self {
                    $(Self::$variant => &RuleInfo {
                        id: $id,
                        severity: Severity::$severity,
                        explanation: $explanation,
                        false_positives: $false_positives,
                        allows: Allows::$allows,
                        silence: $silence,
                    },)+
                }
            }
        }

        /// Every rule there is, by name.
        pub const ALL: &[RuleInfo] = &[$(*Rule::$variant.info(),)+];
    };
}

rules! {
    CodeInjection "code_injection" Warning Addresses
        seen "A request carries a lookup of Log4j, a shell function or a shell command."
        wrong "Scans that were ordered, and forms into which people type such text."
        silence "Allow the scanner's address.";
    CryptoMiner "crypto_miner" Critical AddressesAndPrograms
        seen "A program mines a cryptocurrency: its name, its arguments or its messages to a pool say so."
        wrong "Miners and pools that run on purpose, and programs that share a miner's name."
        silence "Allow the program or the pool.";
    CryptoMinerPort "crypto_miner_port" Warning AddressesAndPrograms
        seen "A program connected to a port of mining pools on the internet."
        wrong "Other services on these ports: development servers, remote debugging, games."
        silence "Allow the program or the address, or set `ports`.";
    DeletedBinary "deleted_binary" Warning Programs
        seen "A program runs from a file that has no name: it was deleted, or lives in memory only."
        wrong "Runtimes of containers that seal a copy of themselves, and programs replaced by an update while they start others."
        silence "Allow the program; the default allows `*runc_cloned*` and `runc*`.";
    DownloadAndRun "download_and_run" Warning Programs
        seen "A shell was told to run what it downloads, unseen."
        wrong "Installers that are meant to be run this way, in images and on build servers."
        silence "Allow the host that is downloaded from by its name: `sh.rustup.rs`.";
    ExecFromTmp "exec_from_tmp" Warning Programs
        seen "A program runs from a directory that everyone may write to: `/tmp`, `/var/tmp` or `/dev/shm`."
        wrong "Compilers and test runners that build there, installers that unpack themselves."
        silence "Allow their paths: `/tmp/go-build*`.";
    PathTraversal "path_traversal" Warning Addresses
        seen "A request climbs out of the directory that it is for."
        wrong "Scans that were ordered, and clients that send several `../` in a parameter."
        silence "Allow the client's address.";
    PlaintextCredentials "plaintext_credentials" Warning Addresses
        seen "A password crosses the network unencrypted."
        wrong "Links that are encrypted below, as by a VPN or a mesh, and parameters that are only called like a password."
        silence "Allow the other side's address or network.";
    PortScan "port_scan" Warning AddressesAndPrograms
        seen "One source tries many ports or hosts and does not get through."
        wrong "Monitors whose targets are down, peer-to-peer programs, discovery of services, scans that were ordered."
        silence "Allow the other side's address or the program, or raise `ports` and `hosts`.";
    ReverseShell "reverse_shell" Critical AddressesAndPrograms
        seen "A shell is bound to a network connection, so that the other side types into it."
        wrong "Remote terminals built of netcat or socat, wrappers that fetch secrets and then become a shell, and logins that ask a directory."
        silence "Allow the program, or the address that it connects to.";
    ScannerTool "scanner_tool" Info Addresses
        seen "A request names a tool that looks for weaknesses as its client."
        wrong "Scans that were ordered. Tools that hide their name are not seen."
        silence "Allow the scanner's address.";
    ShellConnection "shell_connection" Warning AddressesAndPrograms
        seen "A shell itself, not a program that it started, connected to another host."
        wrong "Scripts that wait for a service or ask for a page by `/dev/tcp`."
        silence "Allow the services' addresses.";
    SqlInjection "sql_injection" Warning Addresses
        seen "A request carries SQL where a value belongs."
        wrong "Scans that were ordered, and tools that send queries over HTTP, as consoles of databases do."
        silence "Allow the client's address.";
    SshBruteForce "ssh_brute_force" Warning AddressesAndPrograms
        seen "One source connects to a login service again and again."
        wrong "Automation that opens a connection a task: configuration management, fetches from repositories, copies in loops."
        silence "Allow the other side's address or the program, or raise `connections`.";
    SynFlood "syn_flood" Critical Addresses
        seen "Far more connections are begun than are completed."
        wrong "Load tests, a service that has just failed under its usual load, and fast port scans."
        silence "Allow the address of the test, or raise `requests`.";
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::rules::Rules;

    #[test]
    fn rules_stand_in_order_and_say_everything_in_sentences() {
        assert!(ALL.is_sorted_by_key(|rule| rule.id));
        for rule in ALL {
            for text in [rule.explanation, rule.false_positives, rule.silence] {
                assert!(text.ends_with('.') && !text.contains(['|', '\n']), "{}: {text}", rule.id);
            }
        }
    }

    #[test]
    fn the_page_of_the_documentation_lists_every_rule() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/security-rules.md");
        let page = fs::read_to_string(path).unwrap();
        let (_, rest) = page.split_once("<!-- rules -->\n\n").unwrap();
        let (table, _) = rest.split_once("\n<!-- end of rules -->").unwrap();
        let mut expected = String::from(
            "| Rule | Severity | What was seen | When it is wrong | Allow list | How to silence it |\n|---|---|---|---|---|---|\n",
        );
        for rule in ALL {
            let RuleInfo { id, severity, explanation, false_positives, allows, silence } = rule;
            let (severity, allows) = (severity.as_str(), allows.as_str());
            expected +=
                &format!("| `{id}` | {severity} | {explanation} | {false_positives} | {allows} | {silence} |\n");
        }

        assert_eq!(table, expected, "the table should be:\n{expected}");
    }

    #[test]
    fn settings_in_the_documentation_are_valid() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/security-rules.md");
        let page = fs::read_to_string(path).unwrap();
        let (_, rest) = page.split_once("```toml\n").unwrap();
        let (block, _) = rest.split_once("```").unwrap();
        let settings: toml::Table = toml::from_str(block).unwrap();
        let section = settings["ebpf"]["rules"].clone();

        assert!(Rules::new(&section.try_into().unwrap()).is_ok());
    }
}
