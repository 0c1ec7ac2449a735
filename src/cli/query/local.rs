//! Asks the store of the settings.

use std::{borrow::Cow, collections::HashMap};

use observe::{
    Matcher, MetricKey, RangeQuery, Selector, SeriesInfo, SeriesQuery, StoreError,
    history::{self, Formulas},
    names,
    store::SqlStore,
};

use super::{
    NOT_WHOLE, Question,
    answer::{Answer, Series},
};
use crate::{
    cli::{
        Global,
        error::CommandError,
        store_access::{self, Database},
        time,
    },
    settings::Environment,
};

/// Returns the answer of the store, or says what there is instead. `damaged` counts rows that it had to leave out.
pub(super) async fn ask(
    database: &Database,
    global: &Global,
    environment: &Environment,
    question: &Question,
    damaged: &mut u64,
) -> Result<Answer, CommandError> {
    let store = database.read(global, environment).await?;
    let query = RangeQuery {
        selector: question.selector.clone(),
        start: question.start,
        end: question.end,
        step: question.step,
        aggregate: question.aggregate,
        max_points: MAX_POINTS,
    };
    let found = history::range(&store, &Formulas::default(), &query).await?;
    let units = units(&store, found.iter().map(|series| &series.key)).await?;
    let series = found.into_iter().map(|series| {
        let unit = units.get(series.key.name()).map_or("", |unit| &**unit);
        let unit = question.aggregate.unit_of(unit, question.step).into_owned();
        Series { key: series.key, unit: unit.into(), points: series.points }
    });
    let answer = Answer { series: series.collect(), step: question.step };
    *damaged = store.damaged_rows();
    if answer.has_points() {
        return Ok(answer);
    }
    store_access::whole(NOT_WHOLE, *damaged)?;
    Err(nothing(&store, question).await?)
}

/// Finds units by the names of metrics: in the table of names, else in the store.
async fn units(
    store: &SqlStore,
    keys: impl Iterator<Item = &MetricKey>,
) -> Result<HashMap<String, Cow<'static, str>>, StoreError> {
    let mut units = HashMap::new();
    for key in keys {
        if units.contains_key(key.name()) {
            continue;
        }
        let unit = match names::find(key.name()) {
            Some(metric) => metric.unit.as_str().into(),
            None => {
                let query = SeriesQuery { selector: Selector::key(key.clone()), after: None, limit: 1 };
                let found = history::series(store, &Formulas::default(), &query).await?;
                found.into_iter().next().map_or(Cow::Borrowed(""), |info| info.unit.into_string().into())
            }
        };
        units.insert(key.name().to_owned(), unit);
    }
    Ok(units)
}

/// Says why there is nothing to print, and what could be asked instead.
async fn nothing(store: &SqlStore, question: &Question) -> Result<CommandError, StoreError> {
    let query = SeriesQuery { selector: question.selector.clone(), after: None, limit: MAX_SHOWN + 1 };
    let found = history::series(store, &Formulas::default(), &query).await?;
    if !found.is_empty() {
        let range = (time::rfc3339(question.start), time::rfc3339(question.end));
        let problem = format!("`{}` has no points between {} and {}", question.selector, range.0, range.1);
        return Ok(CommandError::Nothing { problem, help: lives(&found) });
    }
    let problem = format!("no series is like `{}`", question.selector);
    let near = near(store, &question.selector).await?;
    let help = match &near[..] {
        [] => "nothing is stored yet; `observe serve` stores, `observe seed-demo` makes something up".to_owned(),
        near => format!("there are: {}", near.join(", ")),
    };
    Ok(CommandError::Nothing { problem, help })
}

/// Says from when until when series were stored.
fn lives(series: &[SeriesInfo]) -> String {
    let life = |info: &SeriesInfo| {
        let end = info.ended_at.map_or_else(|| "now".to_owned(), time::rfc3339);
        format!("{} was stored from {} to {end}", info.key, time::rfc3339(info.created_at))
    };
    let mut lives: Vec<String> = series.iter().take(MAX_SHOWN).map(life).collect();
    if series.len() > MAX_SHOWN {
        lives.push("and others".to_owned());
    }
    lives.join(", ")
}

/// Finds the series that are spelled most like a selector.
async fn near(store: &SqlStore, selector: &Selector) -> Result<Vec<String>, StoreError> {
    let wanted = selector.to_string();
    let name = selector.name().unwrap_or(&wanted);
    // With the right name it is the attributes that do not fit.
    let same_name = Selector::Matching(vec![Matcher::equal(None, name)]);
    let query = SeriesQuery { selector: same_name, after: None, limit: MAX_COMPARED };
    let mut found = history::series(store, &Formulas::default(), &query).await?;
    if found.is_empty() {
        let query = SeriesQuery { selector: Selector::Matching(Vec::new()), after: None, limit: MAX_COMPARED };
        found = history::series(store, &Formulas::default(), &query).await?;
    }
    let mut near: Vec<(usize, String)> = found
        .iter()
        .map(|info| {
            let text = info.key.to_string();
            let distance = strsim::damerau_levenshtein(name, info.key.name()) * 64;
            (distance + strsim::damerau_levenshtein(&wanted, &text).min(63), text)
        })
        .collect();
    near.sort();
    Ok(near.into_iter().take(MAX_SHOWN).map(|(_, text)| text).collect())
}

/// Points of one answer.
const MAX_POINTS: usize = 2_000_000;
/// Series that a message names.
const MAX_SHOWN: usize = 5;
/// Series that are compared with what was asked for.
const MAX_COMPARED: usize = 10_000;
