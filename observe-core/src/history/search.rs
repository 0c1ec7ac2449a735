//! Which derived series there are: those whose terms are all stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::formulas::Recipe;
use crate::{Matcher, MetricKey, MetricStore, Selector, SeriesInfo, SeriesKind, SeriesQuery, StoreError};

/// A search for the series of some derived columns.
pub(super) struct Search<'a> {
    store: &'a dyn MetricStore,
    recipes: &'a [Recipe],
    selector: &'a Selector,
}

/// A derived series, and what it follows from.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) info: SeriesInfo,
    pub(super) terms: Vec<MetricKey>,
    /// Which of the recipes it is made by.
    pub(super) recipe: usize,
}

/// Series that may be there, and which of the recipes they would be made by.
type Candidates = BTreeMap<MetricKey, usize>;

impl<'a> Search<'a> {
    pub(super) const fn new(store: &'a dyn MetricStore, recipes: &'a [Recipe], selector: &'a Selector) -> Self {
        Self { store, recipes, selector }
    }

    /// Finds all that the selector chooses.
    pub(super) async fn all(&self) -> Result<Vec<Target>, StoreError> {
        let candidates = self.candidates(None, MAX_SERIES + 1).await?;
        if candidates.len() > MAX_SERIES {
            return Err(StoreError::TooMany { what: "series", limit: MAX_SERIES });
        }
        self.known(&candidates).await
    }

    /// Finds those whose keys come first after `after`: `limit` of them at least, where there are so many.
    pub(super) async fn first(&self, after: Option<&MetricKey>, limit: usize) -> Result<Vec<Target>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.cloned();
        loop {
            let candidates = self.candidates(after.as_ref(), limit).await?;
            found.extend(self.known(&candidates).await?);
            let is_last = candidates.len() < limit;
            after = candidates.into_keys().next_back();
            if is_last || after.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// Finds the first series whose first term at least is stored. Their order is not that of the term's series, so all
    /// of those are looked at, a page at a time.
    async fn candidates(&self, after: Option<&MetricKey>, limit: usize) -> Result<Candidates, StoreError> {
        let mut found = Candidates::new();
        if self.recipes.is_empty() {
            return Ok(found);
        }
        let mut keep = |key: MetricKey, recipe: usize| {
            if after.is_none_or(|after| key > *after) && self.selector.matches(&key) {
                found.insert(key, recipe);
                if found.len() > limit {
                    found.pop_last();
                }
            }
        };
        let selector = match self.selector {
            Selector::Keys(keys) => {
                for (recipe, made) in self.recipes.iter().enumerate() {
                    let named = keys.iter().filter(|key| key.name() == made.metric().name);
                    named.filter(|key| made.term_keys(key).is_some()).for_each(|key| keep(key.clone(), recipe));
                }
                return Ok(found);
            }
            Selector::Matching(matchers) => self.of_first_terms(matchers),
        };
        let mut query = SeriesQuery { selector, after: None, limit: SERIES_AT_ONCE };
        loop {
            let stored = self.store.series(&query).await?;
            for info in &stored {
                self.derived(&info.key).for_each(|(key, recipe)| keep(key, recipe));
            }
            let last = stored.into_iter().next_back().map(|info| info.key);
            query.after = last.filter(|last| query.after.as_ref() < Some(last));
            if query.after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Spells the series whose first term this is.
    fn derived(&self, first_term: &MetricKey) -> impl Iterator<Item = (MetricKey, usize)> {
        self.recipes.iter().enumerate().filter_map(|(index, recipe)| {
            let term = recipe.terms().first().filter(|term| term.metric.name == first_term.name())?;
            Some((recipe.key(&first_term.attributes().without(&term.attributes)?), index))
        })
    }

    /// Chooses the stored series of all first terms, with those matchers that mean the same for them.
    fn of_first_terms(&self, matchers: &[Matcher]) -> Selector {
        let terms = || self.recipes.iter().filter_map(|recipe| recipe.terms().first());
        let names: BTreeSet<&str> = terms().map(|term| &*term.metric.name).collect();
        let own = self.recipes.iter().map(Recipe::attributes);
        let reserved: Vec<_> = terms().map(|term| &term.attributes).chain(own).collect();
        let is_shared = |attribute: &str| reserved.iter().all(|attributes| attributes.value(attribute).is_none());
        let shared = matchers.iter().filter(|matcher| matcher.attribute.as_deref().is_some_and(is_shared));
        let names: Vec<&str> = names.into_iter().collect();
        let named = match names[..] {
            [name] => Some(Matcher::equal(None, name)),
            // With more names than fit into a pattern, all series are looked at.
            _ => Matcher::any_of(None, &names).ok(),
        };
        Selector::Matching(named.into_iter().chain(shared.cloned()).collect())
    }

    /// Returns those whose terms are all stored.
    async fn known(&self, candidates: &Candidates) -> Result<Vec<Target>, StoreError> {
        let spelled = candidates.iter().filter_map(|(key, recipe)| {
            let terms = self.recipes.get(*recipe)?.term_keys(key)?;
            Some((key, *recipe, terms))
        });
        let spelled: Vec<(&MetricKey, usize, Vec<MetricKey>)> = spelled.collect();
        let mut targets = Vec::with_capacity(spelled.len());
        for lot in spelled.chunks(DERIVED_AT_ONCE) {
            let terms: BTreeSet<&MetricKey> = lot.iter().flat_map(|(_, _, terms)| terms).collect();
            let terms: Vec<MetricKey> = terms.into_iter().cloned().collect();
            let query = SeriesQuery { limit: terms.len(), selector: Selector::Keys(terms), after: None };
            let stored: HashMap<MetricKey, SeriesInfo> =
                self.store.series(&query).await?.into_iter().map(|info| (info.key.clone(), info)).collect();
            for (key, recipe, terms) in lot {
                let infos: Option<Vec<&SeriesInfo>> = terms.iter().map(|term| stored.get(term)).collect();
                let info = infos.and_then(|infos| describe(self.recipes.get(*recipe)?, (*key).clone(), &infos));
                targets.extend(info.map(|info| Target { info, terms: terms.clone(), recipe: *recipe }));
            }
        }
        Ok(targets)
    }
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

/// Derived series that a question may be about.
const MAX_SERIES: usize = 10_000;
/// Stored series that are looked at at once.
const SERIES_AT_ONCE: usize = 1_000;
/// Derived series whose terms are looked for at once.
const DERIVED_AT_ONCE: usize = 128;
