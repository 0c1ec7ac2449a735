//! The rules over what features see, and what becomes of their findings.

use std::sync::Arc;

use observe_core::{Collect, EventData, KernelBoard, Severity, SystemEvent};
use parking_lot::Mutex;

use crate::{
    origin::Origin,
    rules::{InvalidRules, Observation, Rules, RulesConfig},
};

/// One set of rules for all features, since some rules join what several see. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    rules: Arc<Mutex<Rules>>,
    board: KernelBoard,
    origin: Origin,
}

impl Guard {
    pub(crate) fn new(config: &RulesConfig, board: &KernelBoard, origin: Origin) -> Result<Self, InvalidRules> {
        Ok(Self { rules: Arc::new(Mutex::new(Rules::new(config)?)), board: board.clone(), origin })
    }

    /// Shows the rules what was seen; findings are emitted as events and counted on the board.
    pub(crate) fn judge<'a>(&self, seen: impl IntoIterator<Item = Observation<'a>>, cx: &mut Collect<'_>) {
        let (timestamp, mut found) = (cx.timestamp(), Vec::new());
        let mut rules = self.rules.lock();
        for observation in seen {
            rules.observe(timestamp, &observation, &mut found);
        }
        drop(rules);
        for finding in found {
            let is_threat = finding.severity >= Severity::Warning;
            self.board.set(|status| {
                status.security.threats += u64::from(is_threat);
                status.security.anomalies += u64::from(!is_threat);
                status.security.last_event_at = Some(timestamp);
            });
            cx.emit(SystemEvent::new(self.origin.source("security"), timestamp, EventData::Security(finding)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use observe_core::{EventKind, Exec, Item, KernelMode, ProcessCache, ProcessChange, Task, Timestamp};

    use super::*;
    use crate::rules::Started;

    #[test]
    fn a_finding_is_an_event_that_says_where_it_is_from_and_counts_on_the_board() {
        let board = KernelBoard::new(KernelMode::Simulated);
        let guard = Guard::new(&RulesConfig::default(), &board, Origin::Simulated).unwrap();
        let processes = ProcessCache::new();
        let now = Timestamp::from_millis(1_000);
        let mut cx = Collect::new(now, Instant::now() + Duration::from_secs(1), &processes);
        let exec = Exec {
            change: ProcessChange::Started,
            task: Task { pid: 7, ..Task::default() },
            ppid: 1,
            path: "/tmp/x".to_owned(),
            arguments: vec!["/tmp/x".to_owned()],
        };

        guard.judge([Observation::Exec(Started { exec: &exec, is_deleted: false })], &mut cx);

        let items = cx.take_items();
        let [Item::Event(event)] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!((event.kind(), &*event.source), (EventKind::Security, "simulated::security"));
        let counts = board.read().security;
        assert_eq!((counts.threats + counts.anomalies, counts.last_event_at), (1, Some(now)));
    }
}
