//! The exposition formats of Prometheus: text 0.0.4 and OpenMetrics 1.0.
//!
//! Families are collected first, so that each stands once with its type and help, whoever adds to it.

mod engine;
mod host;
mod http;
mod kernel;
mod names;
mod write;

use std::{borrow::Cow, collections::BTreeMap};

use observe_core::{Figure, HistogramFamily, SeriesKind};

pub(crate) use self::write::Format;
use crate::AppState;

/// Families of samples on their way to a scraper.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    families: BTreeMap<Cow<'static, str>, Family>,
    dropped: u64,
}

/// The samples under one name.
#[derive(Debug)]
struct Family {
    kind: Kind,
    help: Cow<'static, str>,
    samples: BTreeMap<String, f64>,
    histograms: BTreeMap<String, Histogram>,
}

/// How a family's values behave. Complete by what is exposed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Counts by upper bound, added up.
#[derive(Debug)]
struct Histogram {
    buckets: Vec<(&'static str, u64)>,
    count: u64,
    sum: f64,
}

/// What a sample belongs to.
#[derive(Clone, Debug)]
struct Name {
    text: Cow<'static, str>,
    kind: Kind,
    help: Cow<'static, str>,
}

impl Name {
    const fn counter(text: &'static str, help: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), kind: Kind::Counter, help: Cow::Borrowed(help) }
    }

    const fn gauge(text: &'static str, help: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), kind: Kind::Gauge, help: Cow::Borrowed(help) }
    }

    /// Names what a store says about itself.
    fn of_store(figure: &Figure) -> Self {
        let (kind, ending) = match figure.kind {
            SeriesKind::Counter => (Kind::Counter, "_total"),
            SeriesKind::Gauge => (Kind::Gauge, ""),
        };
        let text = Cow::Owned(format!("observe_store_{}{ending}", figure.name));
        Self { text, kind, help: Cow::Borrowed(figure.help) }
    }

    /// Names histograms of how long things took in the kernel.
    fn of_durations(family: &HistogramFamily) -> Self {
        let text = Cow::Owned(format!("observe_{}_seconds", names::plain(family.name)));
        Self { text, kind: Kind::Histogram, help: Cow::Borrowed(family.help) }
    }

    const fn histogram(text: &'static str, help: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), kind: Kind::Histogram, help: Cow::Borrowed(help) }
    }
}

/// Writes everything there is to expose but the host's series whose keys begin with one of `exclude`.
pub(crate) fn render(state: &AppState, format: Format, exclude: &[String]) -> Vec<u8> {
    let mut exposition = Exposition::default();
    host::add(&mut exposition, state.handle(), exclude);
    engine::add(&mut exposition, state.handle());
    engine::add_process(&mut exposition, state.process());
    kernel::add(&mut exposition, &state.kernel().read());
    kernel::add_histograms(&mut exposition, state.kernel(), exclude);
    http::add(&mut exposition, state.metrics(), state.server());
    let dropped = exposition.dropped as f64;
    exposition.add(&DROPPED, &[], dropped);
    exposition.write(format)
}

impl Exposition {
    /// Adds a sample. One that is there already, or of another kind than its family, is dropped and counted.
    fn add(&mut self, name: &Name, labels: &[(&str, &str)], value: f64) {
        self.add_labelled(name, names::labels(labels), value);
    }

    fn add_labelled(&mut self, name: &Name, labels: Option<String>, value: f64) {
        let added = labels.is_some_and(|labels| {
            let family = self.family(name);
            let fits = family.kind == name.kind && !family.samples.contains_key(&labels);
            if fits {
                family.samples.insert(labels, value);
            }
            fits
        });
        self.dropped += u64::from(!added);
    }

    /// Adds a histogram; one that is there already is replaced and counted.
    fn add_histogram(&mut self, name: &Name, labels: &[(&str, &str)], histogram: Histogram) {
        let added = names::labels(labels).is_some_and(|labels| {
            let family = self.family(name);
            family.kind == name.kind && family.histograms.insert(labels, histogram).is_none()
        });
        self.dropped += u64::from(!added);
    }

    fn family(&mut self, name: &Name) -> &mut Family {
        self.families.entry(name.text.clone()).or_insert_with(|| Family {
            kind: name.kind,
            help: name.help.clone(),
            samples: BTreeMap::new(),
            histograms: BTreeMap::new(),
        })
    }
}

static DROPPED: Name = Name::gauge(
    "observe_exposition_dropped_samples",
    "Samples of this scrape that were left out because another one has their name and labels.",
);
