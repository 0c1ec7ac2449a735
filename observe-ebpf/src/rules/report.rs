//! What becomes of a hit: told, or counted as told before.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use observe_core::{Security, Task, Timestamp};

use super::{
    allow::Allow,
    config::{InvalidRules, RulesConfig, seconds},
    redact,
    rule::Rule,
    table::Table,
    window::is_within,
};

/// Knows what rules may speak of, and what they said lately.
#[derive(Debug)]
pub(super) struct Reporter {
    /// What each rule does not speak of, in the order of the rules; `None` where it does not run.
    allow: Vec<Option<Allow>>,
    told: Table<u64, Told>,
    window: Duration,
    suppressed: u64,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Timestamp>,
    /// How often it was seen since.
    count: u64,
}

/// What a rule found.
pub(super) struct Finding<'a> {
    pub(super) rule: Rule,
    /// What makes two findings of a rule the same.
    pub(super) subject: Subject<'a>,
    /// Never bytes of a payload or of arguments, only what kind of thing matched.
    pub(super) evidence: fmt::Arguments<'a>,
    pub(super) task: Option<&'a Task>,
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<SocketAddr>,
}

/// What a finding is about.
#[derive(Clone, Copy, Hash)]
pub(super) enum Subject<'a> {
    Address(IpAddr),
    Destination(Option<SocketAddr>),
    Program(&'a str),
}

impl Reporter {
    pub(super) fn new(config: &RulesConfig) -> Result<Self, InvalidRules> {
        Ok(Self {
            allow: Rule::EVERY.iter().map(|rule| config.allow(*rule)).collect::<Result<_, _>>()?,
            told: Table::new(config.max_sources),
            window: seconds(config.window_seconds),
            suppressed: 0,
            hasher: RandomState::new(),
        })
    }

    pub(super) const fn suppressed(&self) -> u64 {
        self.suppressed
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.told.evicted()
    }

    /// Counts a hit; returns how often it was seen since it was told last, or `None` when that is not long ago.
    fn admit(&mut self, at: Timestamp, rule: Rule, subject: Subject<'_>) -> Option<u64> {
        let told = self.told.state(self.hasher.hash_one((rule, subject)));
        told.count = told.count.saturating_add(1);
        if told.at.is_some_and(|last| is_within(self.window, at, last)) {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        told.at = Some(at);
        Some(std::mem::take(&mut told.count))
    }
}

/// One step of the rules.
pub(super) struct Turn<'a> {
    pub(super) at: Timestamp,
    pub(super) reporter: &'a mut Reporter,
    pub(super) found: &'a mut Vec<Security>,
}

impl Turn<'_> {
    /// Returns whether a rule runs and speaks of this peer and these programs.
    pub(super) fn wants(&self, rule: Rule, peer: Option<IpAddr>, programs: &[&str]) -> bool {
        let allow = self.reporter.allow.get(rule as usize).and_then(Option::as_ref);
        allow.is_some_and(|allow| !allow.permits(peer, programs))
    }

    /// Tells a finding, unless the same was told a short while ago.
    pub(super) fn tell(&mut self, finding: &Finding<'_>) {
        let info = finding.rule.info();
        if let Some(count) = self.reporter.admit(self.at, finding.rule, finding.subject) {
            self.found.push(Security {
                rule: info.id.into(),
                severity: info.severity,
                explanation: info.explanation.into(),
                false_positives: info.false_positives.into(),
                evidence: redact::evidence(finding.evidence),
                task: finding.task.cloned(),
                source: finding.source,
                destination: finding.destination,
                count,
            });
        }
    }
}
