//! Code that pages show and no example has.

use observe::{Formula, Metric, Schema, Term, Unit};

static DONE: Metric = Metric::counter("spool.done", Unit::Count, "Jobs that were done.");
static DONE_PER_SEC: Metric = Metric::derived(
    "spool.done_per_sec",
    Unit::CountPerSecond,
    Formula::Rate { of: &[Term::plus("spool.done")], scale: 1.0 },
    "Jobs done in a second.",
);

#[test]
fn a_rate_stands_beside_its_counter() {
    let schema = Schema::builder("spool").column(&DONE).column(&DONE_PER_SEC).build().unwrap();

    assert_eq!(schema.derive(0, &[7.0], &[4.0], 1.0), Some(3.0));
}
