//! What tests of rules need.

use observe_core::{Exec, ProcessChange, Security, Task, Timestamp};

use super::{Connect, ConnectOutcome, Observation, Payload, Rules, RulesConfig, Started};

pub(super) fn exec(path: &str, arguments: &[&str]) -> Exec {
    Exec {
        change: ProcessChange::Started,
        task: task(100, path.rsplit('/').next().unwrap()),
        ppid: 1,
        path: path.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
    }
}

pub(super) fn task(pid: u32, name: &str) -> Task {
    Task { pid, tid: pid, name: name.to_owned(), ..Task::default() }
}

pub(super) fn connect<'a>(source: &str, destination: &str, outcome: ConnectOutcome) -> Connect<'a> {
    Connect {
        task: None,
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        outcome,
        is_incoming: false,
    }
}

pub(super) fn payload<'a>(port: u16, bytes: &'a [u8]) -> Payload<'a> {
    Payload {
        source: "192.0.2.7:40000".parse().unwrap(),
        destination: format!("10.0.0.1:{port}").parse().unwrap(),
        interface: Some("eth0"),
        bytes,
        is_incoming: true,
    }
}

/// Rules with a clock of their own.
pub(super) struct Bench {
    pub(super) rules: Rules,
    millis: i64,
}

impl Bench {
    pub(super) fn new(settings: &str) -> Self {
        let config: RulesConfig = toml::from_str(settings).unwrap();
        Self { rules: Rules::new(&config).unwrap(), millis: 1_700_000_000_000 }
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.millis += seconds * 1000;
    }

    /// Takes a step and returns what was found.
    pub(super) fn see(&mut self, observation: Observation<'_>) -> Vec<Security> {
        let mut found = Vec::new();
        self.rules.observe(Timestamp::from_millis(self.millis), &observation, &mut found);
        found
    }

    pub(super) fn start(&mut self, exec: &Exec) -> Vec<Security> {
        self.see(Observation::Exec(Started { exec, is_deleted: false }))
    }
}

/// Returns rule and evidence of each finding of a start, by rules that saw nothing before.
pub(super) fn found_in_start(path: &str, arguments: &[&str]) -> Vec<(String, String)> {
    told(&Bench::new("").start(&exec(path, arguments)))
}

/// Returns rule and evidence of each finding in a payload, by rules that saw nothing before.
pub(super) fn found_in_payload(port: u16, bytes: &[u8]) -> Vec<(String, String)> {
    told(&Bench::new("").see(Observation::Payload(payload(port, bytes))))
}

pub(super) fn told(found: &[Security]) -> Vec<(String, String)> {
    found.iter().map(|finding| (finding.rule.to_string(), finding.evidence.clone())).collect()
}

/// Returns whether exactly the rule `id` found something.
pub(super) fn is_only(found: &[(String, String)], id: &str) -> bool {
    matches!(found, [(rule, _)] if rule == id)
}
