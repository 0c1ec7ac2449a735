//! What every store must do: the same tests on memory, SQLite and PostgreSQL.
//!
//! `OBSERVE_TEST_POSTGRES` names a server, as `postgres://USER@HOST/DATABASE`, in which each test makes a schema of its
//! own. Without it the tests of PostgreSQL say that they were skipped.

#![expect(clippy::print_stdout, reason = "a test says that it was skipped")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails loudly")]

mod events;
mod kernel;
mod logs;
mod samples;
mod spans;
mod states;
mod support;

/// Declares a test of each store for every function that takes one.
macro_rules! conformance {
    ($($part:ident { $($test:ident,)+ })+) => {
        conformance! { of memory $($part { $($test,)+ })+ }
        conformance! { of postgres $($part { $($test,)+ })+ }
        conformance! { of sqlite $($part { $($test,)+ })+ }
    };
    (of $kind:ident $($part:ident { $($test:ident,)+ })+) => {
        mod $kind {
            $(mod $part {
                $(#[tokio::test]
                async fn $test() {
                    crate::support::on::$kind(crate::$part::$test).await;
                })+
            })+
        }
    };
}

conformance! {
    events {
        events_come_back_as_they_were,
        events_are_those_that_are_asked_for,
        frames_are_no_events,
        log_records_and_spans_are_events_too,
        newest_events_come_first_and_pages_follow_each_other,
    }
    kernel {
        events_of_the_kernel_are_those_that_are_asked_for,
        events_of_the_kernel_come_back_as_they_were,
    }
    logs {
        records_are_found_by_their_words_in_any_case,
        records_are_those_that_are_asked_for,
        records_come_back_as_they_were,
        what_looks_like_an_operator_is_harmless,
        words_are_runs_of_letters_and_digits,
    }
    samples {
        a_key_that_is_given_twice_counts_once,
        an_answer_that_would_be_too_large_is_refused,
        growth_survives_a_counter_that_starts_anew,
        known_series_without_points_are_told_from_unknown_ones,
        points_come_back_in_the_order_of_time,
        series_are_chosen_by_what_they_are_like,
        series_are_described,
        steps_are_answered_alike_before_and_after_packing,
        the_value_written_last_stays,
        what_is_too_old_leaves,
    }
    spans {
        spans_are_those_that_are_asked_for,
        spans_come_back_as_they_were,
    }
    states {
        states_come_in_the_order_of_their_keys,
        the_latest_state_stays,
    }
}
