//! Numbers that the documentation claims: `1,024 (`MAX_LEFT`)`, a number, its unit and the name it has in the code.

use std::{collections::BTreeMap, fs, sync::LazyLock};

use observe::{Filter, Limits};
use serde_json::Value;

use crate::{common, pages};

/// A number and the name that it has in the code.
#[derive(Debug)]
pub(crate) struct Claim {
    number: String,
    name: String,
}

/// Finds every claim of a page.
pub(crate) fn claims(text: &str) -> Vec<Claim> {
    let parts = text.split(" (`").zip(text.split(" (`").skip(1));
    let claim = |(before, after): (&str, &str)| {
        let name = after.split_once("`)")?.0.to_owned();
        Some(Claim { number: number_at_the_end(before)?, name })
    };
    parts.filter_map(claim).collect()
}

/// Says what is wrong with a claim, if anything is.
pub(crate) fn contradiction(claim: &Claim) -> Option<String> {
    let Claim { number, name } = claim;
    let known = SETTINGS.get(name).or_else(|| DEFAULTS.get(name)).or_else(|| CONSTANTS.get(name));
    match known {
        Some(values) if values.contains(number) => None,
        Some(values) => Some(format!("{name} is {values:?}, not {number}")),
        None => Some(format!("nothing is called {name}")),
    }
}

type Known = BTreeMap<String, Vec<String>>;

/// What every setting is by default, as the binary says it.
static SETTINGS: LazyLock<Known> = LazyLock::new(|| {
    let output = common::run("", &["check-config", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = answer["settings"].as_array().unwrap().iter();
    rows.map(|row| (row["key"].as_str().unwrap().to_owned(), vec![row["value"].to_string()])).collect()
});

/// What the library has by default.
static DEFAULTS: LazyLock<Known> = LazyLock::new(|| {
    let (limits, filter) = (Limits::default(), Filter::default());
    let budget = limits.budget();
    let numbers = [
        ("Budget.rings", budget.rings),
        ("Budget.backlog", budget.backlog),
        ("Budget.bus", budget.bus),
        ("Budget.intake", budget.intake),
        ("Budget.detectors", budget.detectors),
        ("Budget.history", budget.history),
        ("Filter.max_bytes", filter.max_bytes),
        ("Filter.max_events", filter.max_events),
        ("points_per_series", limits.points_per_series),
        ("max_series_per_producer", limits.max_series_per_producer),
        ("max_events", limits.max_events),
    ];
    let interval = ("commit_interval".to_owned(), vec![format!("{} s", limits.commit_interval.as_secs())]);
    numbers.into_iter().map(|(name, number)| (name.to_owned(), vec![number.to_string()])).chain([interval]).collect()
});

/// Every constant of the sources with a plain number; several may have one name.
static CONSTANTS: LazyLock<Known> = LazyLock::new(|| {
    let mut known = Known::new();
    let folders =
        ["", "observe-core/", "observe-collectors/", "observe-ebpf/", "observe-http/", "observe-ml/", "observe-store/"];
    for path in folders.iter().flat_map(|folder| pages::files(&format!("{folder}src"), "rs")) {
        for line in fs::read_to_string(path).unwrap().lines() {
            if let Some((name, value)) = constant(line) {
                known.entry(name).or_default().push(value);
            }
        }
    }
    known
});

/// Reads a line such as `const MAX_LEFT: usize = 1024;`.
fn constant(line: &str) -> Option<(String, String)> {
    let (name, rest) = line.split_once("const ")?.1.split_once(": ")?;
    let value = rest.split_once(" = ")?.1.strip_suffix(';')?.replace('_', "");
    let duration = |function: &str, unit: &str| {
        let number = value.strip_prefix(&format!("Duration::from{function}("))?.strip_suffix(')')?;
        Some(format!("{number} {unit}"))
    };
    let number = match value.split_once(" << ") {
        Some((base, shift)) => Some((base.parse::<u64>().ok()? << shift.parse::<u32>().ok()?).to_string()),
        None => value.parse::<u64>().ok().map(|number| number.to_string()),
    };
    Some((name.to_owned(), number.or_else(|| duration("secs", "s")).or_else(|| duration("millis", "ms"))?))
}

/// Reads `1,024`, `64 KiB` or `100 ms` off the end of a text; sizes become bytes.
fn number_at_the_end(text: &str) -> Option<String> {
    let mut words = text.rsplit([' ', '\n']);
    let last = words.next()?;
    if let Some(number) = plain(last) {
        return Some(number.to_string());
    }
    let number = plain(words.next()?)?;
    match last {
        "KiB" => Some((number << 10).to_string()),
        "MiB" => Some((number << 20).to_string()),
        "ms" | "s" => Some(format!("{number} {last}")),
        _ => None,
    }
}

fn plain(word: &str) -> Option<u64> {
    word.replace(',', "").parse().ok()
}
