//! Which derived series there are: those whose terms are all stored.

use std::collections::{BTreeSet, HashMap};

use super::formulas::Recipe;
use crate::{Matcher, MetricKey, MetricStore, Selector, SeriesInfo, SeriesKind, SeriesQuery, StoreError};

/// A derived series, and what it follows from.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) info: SeriesInfo,
    pub(super) terms: Vec<MetricKey>,
}

/// Finds all derived series that a selector chooses.
pub(super) async fn targets(
    store: &dyn MetricStore,
    recipe: &Recipe,
    selector: &Selector,
) -> Result<Vec<Target>, StoreError> {
    let query = SeriesQuery { selector: selector.clone(), after: None, limit: MAX_SERIES + 1 };
    let keys = candidates(store, recipe, &query).await?;
    if keys.len() > MAX_SERIES {
        return Err(StoreError::TooMany { what: "series", limit: MAX_SERIES });
    }
    known(store, recipe, &keys).await
}

/// Finds derived series in the order of their keys.
pub(super) async fn page(
    store: &dyn MetricStore,
    recipe: &Recipe,
    query: &SeriesQuery,
) -> Result<Vec<Target>, StoreError> {
    let mut found = Vec::new();
    let mut query = query.clone();
    loop {
        let keys = candidates(store, recipe, &query).await?;
        found.extend(known(store, recipe, &keys).await?);
        let is_last = keys.len() < query.limit;
        query.after = keys.into_iter().next_back();
        if is_last || query.after.is_none() || found.len() >= query.limit {
            return Ok(found);
        }
    }
}

/// Finds the first series whose first term at least is stored. Their order is not that of the term's series, so all of
/// those have to be looked at, a page at a time.
async fn candidates(
    store: &dyn MetricStore,
    recipe: &Recipe,
    query: &SeriesQuery,
) -> Result<BTreeSet<MetricKey>, StoreError> {
    let is_wanted = |key: &MetricKey| query.after.as_ref().is_none_or(|after| key > after);
    let matchers = match &query.selector {
        Selector::Keys(keys) => {
            let named = keys.iter().filter(|key| key.name() == recipe.metric().name && is_wanted(key));
            let sorted: BTreeSet<&MetricKey> = named.collect();
            return Ok(sorted.into_iter().take(query.limit).cloned().collect());
        }
        Selector::Matching(matchers) => matchers,
    };
    let Some(selector) = of_first_term(recipe, matchers) else { return Ok(BTreeSet::new()) };
    let mut found = BTreeSet::new();
    let mut terms = SeriesQuery { selector, after: None, limit: TERMS_AT_ONCE };
    loop {
        let stored = store.series(&terms).await?;
        for info in &stored {
            let key = derived_key(recipe, &info.key);
            found.extend(key.filter(|key| is_wanted(key) && query.selector.matches(key)));
            if found.len() > query.limit {
                found.pop_last();
            }
        }
        terms.after =
            stored.into_iter().next_back().map(|info| info.key).filter(|last| terms.after.as_ref() < Some(last));
        if terms.after.is_none() {
            return Ok(found);
        }
    }
}

/// Chooses the stored series of the first term, with those matchers that mean the same for them.
fn of_first_term(recipe: &Recipe, matchers: &[Matcher]) -> Option<Selector> {
    let term = recipe.terms().first()?;
    let mut all = vec![Matcher::equal(None, &*term.metric.name)];
    all.extend(term.attributes.iter().map(|one| Matcher::equal(Some(&one.key), &*one.value)));
    let is_shared = |matcher: &&Matcher| {
        let attribute = matcher.attribute.as_deref();
        attribute.is_some_and(|name| term.attributes.value(name).or(recipe.attributes().value(name)).is_none())
    };
    all.extend(matchers.iter().filter(is_shared).cloned());
    Some(Selector::Matching(all))
}

fn derived_key(recipe: &Recipe, first_term: &MetricKey) -> Option<MetricKey> {
    let subject = first_term.attributes().without(&recipe.terms().first()?.attributes)?;
    Some(recipe.key(&subject))
}

/// Returns those whose terms are all stored.
async fn known(
    store: &dyn MetricStore,
    recipe: &Recipe,
    keys: &BTreeSet<MetricKey>,
) -> Result<Vec<Target>, StoreError> {
    let spelled: Vec<(&MetricKey, Vec<MetricKey>)> =
        keys.iter().filter_map(|key| Some((key, recipe.term_keys(key)?))).collect();
    let mut targets = Vec::with_capacity(spelled.len());
    for lot in spelled.chunks((TERMS_AT_ONCE / recipe.terms().len().max(1)).max(1)) {
        let terms: Vec<MetricKey> = lot.iter().flat_map(|(_, terms)| terms).cloned().collect();
        let query = SeriesQuery { limit: terms.len(), selector: Selector::Keys(terms), after: None };
        let stored: HashMap<MetricKey, SeriesInfo> =
            store.series(&query).await?.into_iter().map(|info| (info.key.clone(), info)).collect();
        for (key, terms) in lot {
            let infos: Option<Vec<&SeriesInfo>> = terms.iter().map(|term| stored.get(term)).collect();
            let info = infos.and_then(|infos| describe(recipe, (*key).clone(), &infos));
            targets.extend(info.map(|info| Target { info, terms: terms.clone() }));
        }
    }
    Ok(targets)
}

/// Describes a derived series: it is there while all its terms are.
fn describe(recipe: &Recipe, key: MetricKey, terms: &[&SeriesInfo]) -> Option<SeriesInfo> {
    let first = terms.first()?;
    let mut info = SeriesInfo::new(key, SeriesKind::Gauge);
    info.unit = recipe.metric().unit.as_str().into();
    info.producer = first.producer.clone();
    info.interval = terms.iter().map(|term| term.interval).max()?;
    info.created_at = terms.iter().map(|term| term.created_at).max()?;
    info.ended_at = terms.iter().filter_map(|term| term.ended_at).min();
    Some(info)
}

/// Derived series of one metric that a question may be about.
const MAX_SERIES: usize = 10_000;
/// Stored series that are asked for at once.
const TERMS_AT_ONCE: usize = 1_000;
