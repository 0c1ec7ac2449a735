//! The text form of a selector.

use std::{fmt, str::FromStr};

use super::{Matcher, Selector, matcher::NAME};
use crate::{
    MetricKey,
    metric::{Scanner, is_name_character},
};

/// Says why a text does not select series.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSelector {
    /// A regular expression is not one, or too large.
    #[error("{pattern:?} is not a regular expression that can be used: {reason}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text is not of the form `name{key=value,key!=value,key=~pattern,key!~pattern}`.
    #[error("selector is not of the form name{{key=value,…}} near byte {at}")]
    Syntax {
        /// Where the text stops to make sense, in bytes from its start.
        at: usize,
    },
    /// The text is longer than [`Selector::MAX_TEXT_BYTES`], or has more matchers than [`Selector::MAX_MATCHERS`].
    #[error("selector has more than {limit} {what}")]
    TooLong {
        /// What there is too much of: `bytes`, `matchers`.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

impl Selector {
    /// The most matchers in a text.
    pub const MAX_MATCHERS: usize = 16;
    /// The most bytes of a text.
    pub const MAX_TEXT_BYTES: usize = 4096;
}

impl FromStr for Selector {
    type Err = InvalidSelector;

    fn from_str(text: &str) -> Result<Self, InvalidSelector> {
        if text.len() > Self::MAX_TEXT_BYTES {
            return Err(InvalidSelector::TooLong { what: "bytes", limit: Self::MAX_TEXT_BYTES });
        }
        let mut scanner = Scanner::new(text);
        let name = scanner.name();
        let mut matchers = Vec::new();
        if !name.is_empty() {
            matchers.push(Matcher::equal(None, name));
        }
        if name.is_empty() || !scanner.is_done() {
            scanner.expect("{").map_err(syntax)?;
            read(&mut scanner, &mut matchers)?;
        }
        Ok(Self::Matching(matchers))
    }
}

impl fmt::Display for Selector {
    /// Writes what [`Selector::from_str`] reads, but for whole keys: of these it writes a list.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matchers = match self {
            Self::Keys(keys) => return write_list(f, keys, " or "),
            Self::Matching(matchers) => matchers,
        };
        let bare = matchers.iter().position(|matcher| matcher.name().is_some_and(is_plain_name));
        let name = bare.and_then(|at| matchers.get(at)?.name()).unwrap_or_default();
        let rest: Vec<&Matcher> =
            matchers.iter().enumerate().filter(|(at, _)| Some(*at) != bare).map(|(_, matcher)| matcher).collect();
        f.write_str(name)?;
        if rest.is_empty() && !name.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        write_list(f, &rest, ",")?;
        f.write_str("}")
    }
}

/// Reads the part of a selector behind the brace.
fn read(scanner: &mut Scanner<'_>, matchers: &mut Vec<Matcher>) -> Result<(), InvalidSelector> {
    if scanner.ends() {
        return Ok(());
    }
    loop {
        if matchers.len() >= Selector::MAX_MATCHERS {
            return Err(InvalidSelector::TooLong { what: "matchers", limit: Selector::MAX_MATCHERS });
        }
        matchers.push(matcher(scanner)?);
        if scanner.ends() {
            return Ok(());
        }
        scanner.expect(",").map_err(syntax)?;
    }
}

fn matcher(scanner: &mut Scanner<'_>) -> Result<Matcher, InvalidSelector> {
    let at = scanner.at();
    let attribute = match scanner.name() {
        "" => return Err(syntax(at)),
        NAME => None,
        other => Some(other),
    };
    let operators = [("=~", true, false), ("!~", true, true), ("!=", false, true), ("=", false, false)];
    let operator = operators.into_iter().find(|(operator, ..)| scanner.takes(operator));
    let (_, is_like, is_negated) = operator.ok_or_else(|| syntax(scanner.at()))?;
    let value = scanner.value().map_err(syntax)?;
    let matcher = if is_like { Matcher::like(attribute, &value)? } else { Matcher::equal(attribute, value) };
    Ok(if is_negated { matcher.negated() } else { matcher })
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display], between: &str) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(at, item)| {
        f.write_str(if at == 0 { "" } else { between })?;
        write!(f, "{item}")
    })
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_character)
}

const fn syntax(at: usize) -> InvalidSelector {
    InvalidSelector::Syntax { at }
}

impl From<MetricKey> for Selector {
    fn from(key: MetricKey) -> Self {
        Self::key(key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Attributes;

    fn selects(selector: &str, key: &str) -> bool {
        selector.parse::<Selector>().unwrap().matches(&key.parse().unwrap())
    }

    #[test]
    fn a_name_alone_means_all_series_of_it() {
        assert!(selects("disk.busy", "disk.busy{device=sda}"));
        assert!(selects("disk.busy{}", "disk.busy"));
        assert!(!selects("disk.busy", "disk.busy_time{device=sda}"));
        assert!(selects("{}", "anything{at=all}"));
    }

    #[test]
    fn every_operator_holds_or_not() {
        let key = "disk.busy{device=sda}";

        for (selector, expected) in [
            ("disk.busy{device=sda}", true),
            ("disk.busy{device!=sda}", false),
            ("disk.busy{device=~\"sd[ab]\"}", true),
            ("disk.busy{device!~\"sd[ab]\"}", false),
            ("disk.busy{device=~sd}", false),
            ("disk.busy{host=\"\"}", true),
            ("disk.busy{host!=a,device=~\"s.*\"}", true),
            (r#"{__name__=~"disk\\..*"}"#, true),
            (r#"{__name__!~"cpu\\..*",device=sda}"#, true),
        ] {
            assert_eq!(selects(selector, key), expected, "{selector}");
        }
    }

    #[test]
    fn what_makes_no_sense_says_where() {
        for (text, at) in [("", 0), ("a b", 1), ("a{", 2), ("a{=1}", 2), ("a{b>1}", 3), ("a{b=1", 5), ("a{b=1}c", 5)] {
            assert_eq!(text.parse::<Selector>().unwrap_err(), InvalidSelector::Syntax { at }, "{text}");
        }
        let pattern = r#"a{b=~"x)|(y"}"#.parse::<Selector>().unwrap_err();
        assert!(matches!(pattern, InvalidSelector::Pattern { .. }), "{pattern}");
    }

    #[test]
    fn texts_and_patterns_have_a_bound() {
        let many = format!("a{{{}}}", vec!["b=1"; 17].join(","));
        let long = format!("a{{b=\"{}\"}}", "x".repeat(4096));
        let huge = r#"a{b=~"((x{100}){100}){100}"}"#;

        assert_eq!(many.parse::<Selector>().unwrap_err(), InvalidSelector::TooLong { what: "matchers", limit: 16 });
        assert_eq!(long.parse::<Selector>().unwrap_err(), InvalidSelector::TooLong { what: "bytes", limit: 4096 });
        assert!(matches!(huge.parse::<Selector>(), Err(InvalidSelector::Pattern { .. })));
    }

    #[test]
    fn a_prefix_is_written_as_the_pattern_that_it_is() {
        let selector = Selector::Matching(vec![Matcher::prefix(None, "cpu.")]);
        let again: Selector = selector.to_string().parse().unwrap();

        for (key, expected) in [("cpu.total", true), ("cpus", false)] {
            let key: MetricKey = key.parse().unwrap();
            assert_eq!((selector.matches(&key), again.matches(&key)), (expected, expected), "{key}");
        }
        assert_eq!(selector.to_string(), r#"{__name__=~"cpu\\.(?s:.*)"}"#);
    }

    proptest! {
        #[test]
        fn any_key_is_selected_by_its_text(values in proptest::collection::btree_map("[a-z]{1,8}", ".{0,20}", 0..5)) {
            let key = MetricKey::new("some.name", Attributes::new(values).unwrap()).unwrap();
            let selector: Selector = key.to_string().parse().unwrap();

            prop_assert!(selector.matches(&key));
            prop_assert_eq!(selector.to_string(), key.to_string());
        }

        #[test]
        fn what_is_written_is_read_again(text in r#"[ab]?\{([ab]|__name__)(=|!=|=~|!~)("[^"\\]{0,5}"|[ab]{0,3})\}"#) {
            if let Ok(selector) = text.parse::<Selector>() {
                let written = selector.to_string();

                prop_assert_eq!(written.parse::<Selector>().unwrap().to_string(), written);
            }
        }

        #[test]
        fn no_text_panics(text in r#"(.|[a-z{}=!~,"\\]){0,60}"#) {
            let _ = text.parse::<Selector>();
        }
    }
}
