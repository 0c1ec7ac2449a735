use super::*;
use crate::{EventData, EventId, LogRecord, SystemEvent, Timestamp};

fn logs(ids: std::ops::Range<u64>) -> Commit {
    let log = |id| {
        let data = EventData::Log(LogRecord::new(Timestamp::default(), "x".repeat(100)));
        let mut event = SystemEvent::new("test", Timestamp::default(), data);
        event.id = EventId::from_u64(id);
        Arc::new(Enriched { event, process: None })
    };
    Commit { events: ids.map(log).collect(), ..Commit::default() }
}

fn ids(commit: &Commit) -> Vec<u64> {
    commit.events.iter().map(|event| event.id.as_u64()).collect()
}

#[test]
fn what_could_not_be_stored_goes_before_what_came_meanwhile() {
    let (backlog, progress) = (Backlog::new(1 << 20), Progress::default());
    backlog.add(logs(0..2), 2, &progress);
    let taken = backlog.take();
    backlog.add(logs(2..4), 4, &progress);

    backlog.settle(Some(taken.commit), &progress);

    assert_eq!(ids(&backlog.take().commit), [0, 1, 2, 3]);
}

#[test]
fn what_is_being_written_counts_too() {
    let (backlog, progress) = (Backlog::new(logs(0..3).size_bytes()), Progress::default());
    backlog.add(logs(0..1), 1, &progress);
    backlog.settle(Some(backlog.take().commit), &progress);
    backlog.add(logs(1..2), 2, &progress);
    let _in_flight = backlog.take();

    backlog.add(logs(2..4), 4, &progress);

    assert_eq!(backlog.status(), (logs(0..3).size_bytes(), Dropped { frames: 0, events: 1 }));
    assert_eq!(ids(&backlog.take().commit), [3]);
}

#[test]
fn a_backlog_that_is_half_full_is_urgent() {
    let (backlog, progress) = (Backlog::new(logs(0..4).size_bytes()), Progress::default());
    backlog.add(logs(0..2), 2, &progress);
    let at_half = backlog.urgency(&progress);

    backlog.add(logs(2..3), 3, &progress);

    assert_eq!((at_half, backlog.urgency(&progress)), (Urgency::Whenever, Urgency::Soon));
}

fn state(key: &str, bytes: u8) -> State {
    let data = vec![bytes; usize::from(bytes)];
    State { kind: DETECTOR_STATES.into(), key: key.into(), version: 1, data, updated_at: Timestamp::default() }
}

fn states(states: Vec<State>) -> Commit {
    Commit { states, ..Commit::default() }
}

#[test]
fn of_several_states_of_one_detector_the_newest_waits() {
    let (backlog, progress) = (Backlog::new(1 << 20), Progress::default());
    backlog.add(states(vec![state("a", 1), state("b", 1)]), 1, &progress);
    let taken = backlog.take();
    backlog.add(states(vec![state("b", 2)]), 2, &progress);

    backlog.settle(Some(taken.commit), &progress);
    backlog.add(states(vec![state("b", 3)]), 3, &progress);

    let expected = states(vec![state("a", 1), state("b", 3)]);
    assert_eq!(backlog.status().0, expected.size_bytes());
    assert_eq!(backlog.take().commit.states, expected.states);
}

#[test]
fn states_leave_before_anything_else() {
    let (backlog, progress) = (Backlog::new(logs(0..3).size_bytes()), Progress::default());
    backlog.add(states(vec![state("a", 100), state("b", 100)]), 1, &progress);
    backlog.settle(Some(backlog.take().commit), &progress);

    backlog.add(logs(0..3), 4, &progress);

    let taken = backlog.take();
    assert_eq!((taken.commit.states.len(), ids(&taken.commit), taken.gap), (0, vec![0, 1, 2], Dropped::default()));
}
