use std::sync::Arc;

use super::*;
use crate::{
    Attributes, Commit, Detector, DetectorFactory, Finding, Item, Limits, Metric, Point, Schema, SubjectId, Table,
    Unit, processor::Processor,
};

static DEPTH: Metric = Metric::gauge("q.depth", Unit::Count, "Depth.");

/// Remembers the last value.
struct Last(f64);

impl Detector for Last {
    fn update(&mut self, point: Point) -> Option<Finding> {
        self.0 = point.value;
        None
    }

    fn snapshot(&self) -> Vec<u8> {
        assert!(self.0 < 1e9, "too much to remember");
        self.0.to_le_bytes().to_vec()
    }

    fn size_bytes(&self) -> usize {
        8
    }
}

/// Remembers what its detectors were made from.
#[derive(Default)]
struct LastFactory(Mutex<Vec<Option<f64>>>);

impl DetectorFactory for LastFactory {
    fn name(&self) -> &'static str {
        "last"
    }

    fn detector(&self, _key: &MetricKey, state: Option<&[u8]>) -> Option<Box<dyn Detector>> {
        let state = state.and_then(|state| state.try_into().ok()).map(f64::from_le_bytes);
        self.0.lock().push(state);
        Some(Box::new(Last(state.unwrap_or_default())))
    }
}

/// A processor that remembers, and a producer of some subjects.
struct Rig {
    processor: Processor,
    table: Table,
    ids: Vec<SubjectId>,
}

impl Rig {
    fn new(subjects: usize, saved: Arc<SavedStates>, factory: Arc<LastFactory>) -> Self {
        let mut processor = Processor::new(&Limits::default(), vec![factory], Arc::default());
        processor.remember(saved);
        let mut table = Table::new(Schema::builder("q").column(&DEPTH).build().unwrap());
        let named = |number: usize| Attributes::new([("name", number.to_string())]).unwrap();
        let ids = (0..subjects).map(|number| table.insert(named(number))).collect();
        Self { processor, table, ids }
    }

    fn step(&mut self, second: u64, value: f64) -> Commit {
        self.ids.iter().for_each(|id| self.table.set(*id, 0, value));
        let now = at(second);
        self.processor.step([Item::Frame(self.table.frame(now))], now).commit
    }
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000) + Duration::from_secs(second)
}

#[test]
fn a_round_goes_over_all_detectors_a_few_in_each_step() {
    let mut rig = Rig::new(40, Arc::default(), Arc::default());

    let counts: Vec<usize> = (0..310).map(|second| rig.step(second, second as f64).states.len()).collect();

    assert_eq!(counts.iter().sum::<usize>(), 40);
    assert_eq!(counts[300..304], [16, 16, 8, 0]);
}

#[test]
fn a_state_says_of_which_detector_it_is_and_what_it_has_seen() {
    let mut rig = Rig::new(1, Arc::default(), Arc::default());
    rig.step(0, 1.0);
    rig.step(1, 7.0);

    let states = rig.processor.last_states();

    let expected = State {
        kind: "detector".into(),
        key: "last q.depth{name=0}".into(),
        version: STATE_VERSION,
        data: 7.0_f64.to_le_bytes().to_vec(),
        updated_at: at(1),
    };
    assert_eq!((states, rig.processor.last_states()), (vec![expected], Vec::new()), "once");
}

#[test]
fn a_clock_that_goes_back_does_not_put_the_next_round_off() {
    let mut rig = Rig::new(1, Arc::default(), Arc::default());
    rig.step(1_000_000, 1.0);
    rig.step(1_000_001, 2.0);

    let count: usize = (0..310).map(|second| rig.step(second, second as f64).states.len()).sum();

    assert_eq!(count, 1);
}

#[test]
fn what_a_detector_remembers_is_given_to_the_one_of_its_series() {
    let (saved, factory) = (Arc::<SavedStates>::default(), Arc::<LastFactory>::default());
    let key = |number: usize| format!("q.depth{{name={number}}}").parse().unwrap();
    let remembered = |number: usize, value: f64, updated_at: Timestamp| {
        state("last", &key(number), value.to_le_bytes().to_vec(), updated_at)
    };
    saved.put(remembered(0, 5.0, at(0)));
    saved.put(State { version: STATE_VERSION + 1, ..remembered(1, 6.0, at(0)) });
    saved.put(remembered(2, 7.0, at(100)));
    let mut rig = Rig::new(3, Arc::clone(&saved), Arc::clone(&factory));

    rig.step(10, 1.0);
    rig.step(11, 2.0);

    assert_eq!(*factory.0.lock(), [Some(5.0), None, None], "neither one in another form nor one of the future");
}

#[test]
fn a_detector_that_cannot_be_asked_costs_the_others_nothing() {
    let mut rig = Rig::new(2, Arc::default(), Arc::default());
    rig.step(0, 1.0);
    rig.ids.truncate(1);
    rig.step(1, 2.0);
    rig.ids.clear();
    rig.table.set(SubjectId { slot: 0, generation: 0 }, 0, 1e10);
    rig.table.set(SubjectId { slot: 1, generation: 0 }, 0, 3.0);
    rig.processor.step([Item::Frame(rig.table.frame(at(2)))], at(2));

    let states = rig.processor.last_states();

    assert_eq!(states.iter().map(|state| &*state.key).collect::<Vec<_>>(), ["last q.depth{name=1}"]);
    assert_eq!(rig.processor.detector_stats().panics, 1);
}

#[test]
fn nothing_is_saved_where_nothing_outlives_the_engine() {
    let mut rig = Rig::new(1, Arc::default(), Arc::default());
    rig.processor = Processor::new(&Limits::default(), vec![Arc::<LastFactory>::default()], Arc::default());

    let count: usize = (0..400).map(|second| rig.step(second, second as f64).states.len()).sum();

    assert_eq!((count, rig.processor.last_states().len()), (0, 0));
}
