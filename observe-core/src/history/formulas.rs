//! The formulas that are known.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Attributes, Column, Formula, Metric, MetricKey, MetricKind, Schema, Selector, Unit,
    metric::{names, split},
};

/// The derived metrics that can be computed: those of [`names`], and those of collectors of your own.
///
/// Formulas are code, so no store has them.
#[derive(Clone, Debug, Default)]
pub struct Formulas {
    own: Vec<Column>,
}

impl Formulas {
    /// Knows derived columns beside those of [`names`], which they replace where they have the same name. Columns that
    /// are not derived are left out.
    pub fn with(columns: impl IntoIterator<Item = Column>) -> Self {
        let is_derived = |column: &Column| matches!(column.metric.kind, MetricKind::Derived(_));
        Self { own: columns.into_iter().filter(is_derived).collect() }
    }

    /// Returns whether a derived metric has this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.own.iter().any(|column| column.metric.name == name) || of_table(name).is_some()
    }

    /// Returns the recipes of derived metrics of which a selector may choose series, from the name `first` on.
    pub(super) fn chosen(&self, selector: &Selector, first: &str) -> Vec<Recipe> {
        let names = self.names(selector).into_iter().filter(|name| &**name >= first);
        names.flat_map(|name| self.recipes(&name)).collect()
    }

    fn names(&self, selector: &Selector) -> BTreeSet<Cow<'static, str>> {
        match selector {
            Selector::Keys(keys) => {
                let names = keys.iter().map(MetricKey::name).filter(|name| self.has(name));
                names.map(|name| name.to_owned().into()).collect()
            }
            Selector::Matching(_) => {
                let own = self.own.iter().map(|column| column.metric.name.clone());
                let table = names::all().filter(|metric| matches!(metric.kind, MetricKind::Derived(_)));
                let all = own.chain(table.map(|metric| metric.name.clone()));
                all.filter(|name| selector.matches_name(name)).collect()
            }
        }
    }

    /// Returns how the series of a metric follow from others: one recipe for each of its columns.
    pub(crate) fn recipes(&self, name: &str) -> Vec<Recipe> {
        let own = self.own.iter().filter(|column| column.metric.name == name);
        let own: BTreeMap<&Attributes, &Column> = own.map(|column| (&column.attributes, column)).collect();
        if own.is_empty() {
            return of_table(name).as_ref().and_then(Recipe::new).into_iter().collect();
        }
        own.into_values().filter_map(Recipe::new).collect()
    }
}

/// How one derived column follows from stored ones.
#[derive(Debug)]
pub(crate) struct Recipe {
    column: Column,
    formula: Formula,
    /// The terms as raw columns, each once, and the derived one.
    schema: Arc<Schema>,
}

impl Recipe {
    fn new(column: &Column) -> Option<Self> {
        let MetricKind::Derived(formula) = column.metric.kind else { return None };
        let terms: BTreeSet<&'static str> = formula.terms().map(|term| term.column).collect();
        let mut schema = Schema::builder("history");
        for term in terms {
            let (name, pairs) = split(term).ok()?;
            let pairs: Vec<(&'static str, &str)> = pairs.iter().map(|(key, value)| (*key, &**value)).collect();
            schema = schema.column_with(&Metric::gauge(name, Unit::Count, ""), &pairs);
        }
        let schema = schema.column(&column.metric).build().ok()?;
        Some(Self { column: column.clone(), formula, schema })
    }

    pub(super) fn metric(&self) -> &Metric {
        &self.column.metric
    }

    pub(crate) const fn formula(&self) -> Formula {
        self.formula
    }

    /// Returns the terms as columns.
    pub(super) fn terms(&self) -> &[Column] {
        self.schema.columns().get(..self.schema.raw_len()).unwrap_or_default()
    }

    /// Returns the attributes that all series of the column have.
    pub(super) const fn attributes(&self) -> &Attributes {
        &self.column.attributes
    }

    /// Computes a value from two rows of the terms; see [`Schema::derive`].
    pub(super) fn derive(&self, row: &[f64], before: &[f64], elapsed: f64) -> Option<f64> {
        self.schema.derive(0, row, before, elapsed)
    }

    /// Spells the key of a subject's derived series.
    pub(super) fn key(&self, subject: &Attributes) -> MetricKey {
        spell(&self.column, subject)
    }

    /// Spells the keys of the series that a derived one follows from; `None` where there can be no such series.
    pub(crate) fn term_keys(&self, key: &MetricKey) -> Option<Vec<MetricKey>> {
        let subject = key.attributes().without(&self.column.attributes)?;
        let is_free = |column: &Column| column.attributes.iter().all(|one| subject.value(&one.key).is_none());
        self.terms().iter().all(is_free).then(|| self.terms().iter().map(|term| spell(term, &subject)).collect())
    }
}

fn spell(column: &Column, subject: &Attributes) -> MetricKey {
    MetricKey::from_checked(column.metric.name.clone(), subject.union(&column.attributes))
}

fn of_table(name: &str) -> Option<Column> {
    let metric = names::find(name).filter(|metric| matches!(metric.kind, MetricKind::Derived(_)))?;
    Some(Column { metric: Arc::new(metric.clone()), attributes: Attributes::empty() })
}
