//! Reads declared parameters and remembers everything that is wrong with them.

use std::borrow::Cow;

use observe_core::{EventKind, EventKinds, InvalidSelector, MetricKey, Selector, Timestamp};

use super::{Parameter, Shape, query_string::encode};
use crate::{FieldError, Problem, time};

/// The parameters of one request. Reading goes on after an error, so that the client sees all of them at once.
#[derive(Debug)]
pub struct Fields<'a> {
    path: &'a str,
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(path: &'a str, pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Self {
        Self { path, pairs, errors: Vec::new() }
    }

    /// Returns whether the parameter was given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }

    /// Reads a whole number; `None` where it is absent without a default, or wrong.
    pub fn integer(&mut self, parameter: &Parameter) -> Option<i64> {
        self.one(parameter, |text| {
            let value = text.parse::<i64>().ok()?;
            let Shape::Integer { min, max } = parameter.shape else { return Some(value) };
            (min..=max).contains(&value).then_some(value)
        })
    }

    /// Reads a whole number that cannot be negative by its declaration.
    pub fn unsigned(&mut self, parameter: &Parameter) -> Option<u64> {
        self.integer(parameter).and_then(|value| u64::try_from(value).ok())
    }

    /// Reads a number.
    pub fn number(&mut self, parameter: &Parameter) -> Option<f64> {
        self.one(parameter, |text| {
            let value = text.parse::<f64>().ok()?;
            let Shape::Number { min, max } = parameter.shape else { return Some(value) };
            (min..=max).contains(&value).then_some(value)
        })
    }

    /// Reads text.
    pub fn text(&mut self, parameter: &Parameter) -> Option<String> {
        self.texts(parameter).pop()
    }

    /// Reads texts.
    pub fn texts(&mut self, parameter: &Parameter) -> Vec<String> {
        self.all(parameter, &parameter.expected(), |text| {
            let Shape::Text { max_bytes } = parameter.shape else { return Some(text.to_owned()) };
            (1..=max_bytes).contains(&text.len()).then(|| text.to_owned())
        })
    }

    /// Reads a time.
    pub fn time(&mut self, parameter: &Parameter) -> Option<Timestamp> {
        self.one(parameter, time::parse)
    }

    /// Reads the key of a series.
    pub fn metric_key(&mut self, parameter: &Parameter) -> Option<MetricKey> {
        self.metric_keys(parameter).pop()
    }

    /// Reads keys of series.
    pub fn metric_keys(&mut self, parameter: &Parameter) -> Vec<MetricKey> {
        let expected = "expected a metric key such as cpu.total or disk.read_bytes{device=sda}";
        self.all(parameter, expected, |text| text.parse().ok())
    }

    /// Reads selectors of series.
    pub fn selectors(&mut self, parameter: &Parameter) -> Vec<Selector> {
        let texts = self.texts(parameter);
        let parsed: Vec<_> = texts.iter().map(|text| text.parse::<Selector>()).collect();
        if let Some(error) = parsed.iter().find_map(|parsed| parsed.as_ref().err()) {
            let what = match error {
                InvalidSelector::Syntax { at } => format!("it makes no sense from byte {at} on"),
                InvalidSelector::TooLong { what, limit } => format!("it has more than {limit} {what}"),
                _ => "a regular expression in it cannot be used".to_owned(),
            };
            let message = format!("expected a selector such as disk.read_bytes{{device=~\"sd.*\"}}: {what}");
            self.errors.push(FieldError::query(parameter.name, "invalid", message));
        }
        parsed.into_iter().flatten().collect()
    }

    /// Reads kinds of events; all of them where none is given.
    pub fn event_kinds(&mut self, parameter: &Parameter) -> EventKinds {
        let kinds: Vec<EventKind> = self.all(parameter, &parameter.expected(), |text| text.parse().ok());
        if kinds.is_empty() { EventKinds::ALL } else { EventKinds::from_iter(kinds) }
    }

    /// Reads one word of a list; `parse` takes it in any case.
    pub fn one<T>(&mut self, parameter: &Parameter, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.all(parameter, &parameter.expected(), parse).pop()
    }

    /// Remembers that a field is wrong.
    pub fn fail(&mut self, error: FieldError) {
        self.errors.push(error);
    }

    /// Returns the path with those of the given parameters that are present, sorted: what a cursor is bound to.
    pub(crate) fn canonical(&self, parameters: &[&Parameter], without: &[&str]) -> String {
        let mut pairs: Vec<_> = self
            .pairs
            .iter()
            .filter(|(key, _)| !without.contains(&&**key) && parameters.iter().any(|known| known.name == *key))
            .collect();
        pairs.sort();
        let mut text = self.path.to_owned();
        for (index, (key, value)) in pairs.into_iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            encode(key, &mut text);
            text.push('=');
            encode(value, &mut text);
        }
        text
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, Problem> {
        if self.errors.is_empty() { Ok(value) } else { Err(Problem::validation(self.errors)) }
    }

    fn all<T>(&mut self, parameter: &Parameter, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let name = parameter.name;
        let given: Vec<&str> = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value).collect();
        if given.is_empty() {
            if parameter.is_required {
                self.errors.push(FieldError::query(name, "missing", "this parameter is required"));
            }
            return parameter.default.and_then(&parse).into_iter().collect();
        }
        if given.len() > parameter.max_count {
            let message = format!("given more than {} time(s)", parameter.max_count);
            self.errors.push(FieldError::query(name, "too_many", message));
            return Vec::new();
        }
        let parsed: Vec<Option<T>> = given.into_iter().map(parse).collect();
        if parsed.iter().any(Option::is_none) {
            self.errors.push(FieldError::query(name, "invalid", expected));
        }
        parsed.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static LIMIT: Parameter = Parameter::new("limit", Shape::Integer { min: 1, max: 10 }, "Most.").default("5");
    static SCORE: Parameter = Parameter::new("score", Shape::Number { min: 0.0, max: 1.0 }, "Least.");
    static KEY: Parameter = Parameter::new("metric_key", Shape::Text { max_bytes: 64 }, "Series.").required();
    static KIND: Parameter = Parameter::new("event_type", Shape::OneOf(kinds), "Kind.").repeatable(3);

    fn kinds() -> Vec<&'static str> {
        EventKind::ALL.iter().map(|kind| kind.as_str()).collect()
    }

    fn fields(pairs: &[(&'static str, &'static str)]) -> Fields<'static> {
        Fields::new("/x", pairs.iter().map(|&(key, value)| (key.into(), value.into())).collect())
    }

    fn codes(fields: &Fields<'_>) -> Vec<(String, &'static str)> {
        fields.errors.iter().map(|error| (error.pointer.clone(), error.code)).collect()
    }

    #[test]
    fn absent_parameters_have_their_default() {
        let mut fields = fields(&[]);

        assert_eq!(fields.integer(&LIMIT), Some(5));
        assert_eq!(fields.number(&SCORE), None);
        assert_eq!(fields.event_kinds(&KIND), EventKinds::ALL);
        assert!(fields.errors.is_empty());
    }

    #[test]
    fn every_error_is_remembered_by_name() {
        let mut fields = fields(&[("limit", "11"), ("score", "NaN"), ("event_type", "CPU")]);

        fields.integer(&LIMIT);
        fields.number(&SCORE);
        fields.metric_key(&KEY);
        fields.event_kinds(&KIND);

        let expected =
            [("/limit", "invalid"), ("/score", "invalid"), ("/metric_key", "missing"), ("/event_type", "invalid")];
        assert_eq!(codes(&fields), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        assert!(fields.errors[3].message.contains("CPU_METRIC"), "the message has the list");
    }

    #[test]
    fn numbers_out_of_every_range_are_refused() {
        for text in ["0", "-1", "1e3", "", "99999999999999999999", "5 ", "0x5"] {
            let mut fields = fields(&[]);
            fields.pairs.push(("limit".into(), text.into()));

            assert_eq!(fields.integer(&LIMIT), None, "{text:?}");
            assert_eq!(fields.errors.len(), 1, "{text:?}");
        }
    }

    #[test]
    fn only_repeatable_parameters_may_be_repeated() {
        let mut fields = fields(&[("limit", "1"), ("limit", "2"), ("event_type", "log"), ("event_type", "SPAN")]);

        let kinds = fields.event_kinds(&KIND);
        let limit = fields.integer(&LIMIT);

        assert_eq!(kinds, EventKinds::from_iter([EventKind::Log, EventKind::Span]));
        assert_eq!((limit, codes(&fields)), (None, vec![("/limit".to_owned(), "too_many")]));
    }

    #[test]
    fn the_canonical_form_is_sorted_and_has_only_known_parameters() {
        let fields = fields(&[("score", "1"), ("other", "2"), ("limit", "3"), ("cursor", "4")]);

        assert_eq!(fields.canonical(&[&LIMIT, &SCORE], &["cursor"]), "/x?limit=3&score=1");
    }
}
