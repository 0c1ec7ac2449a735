//! The text form of query strings.

use std::borrow::Cow;

/// Splits a query string into its pairs, decoded; `None` where it is not UTF-8 behind its escapes.
pub(super) fn decode(query: &str) -> Option<Vec<(Cow<'_, str>, Cow<'_, str>)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode_part(key)?, decode_part(value)?))
        })
        .collect()
}

/// Writes a text so that it can stand in a query string.
pub(crate) fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX_DIGITS[usize::from(digit)])));
        }
    }
}

fn decode_part(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => match escaped(&bytes) {
                Some(value) => {
                    decoded.push(value);
                    bytes.nth(1);
                }
                None => decoded.push(b'%'),
            },
            other => decoded.push(other),
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn escaped(rest: &std::str::Bytes<'_>) -> Option<u8> {
    let mut rest = rest.clone();
    let mut digit = || char::from(rest.next()?).to_digit(16);
    u8::try_from(digit()? * 16 + digit()?).ok()
}

const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_plus_signs_and_bare_keys_are_read() {
        let pairs = decode("a=1&b=x%20y+z&a=%7B%C3%A9%7d&flag&&=").unwrap();

        let expected = [("a", "1"), ("b", "x y z"), ("a", "{é}"), ("flag", ""), ("", "")];
        assert_eq!(pairs, expected.map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value))));
    }

    #[test]
    fn broken_escapes_stand_for_themselves_and_bad_utf8_is_refused() {
        assert_eq!(decode("a=%4&b=%zz").unwrap()[0].1, "%4");
        assert_eq!(decode("a=%ff"), None);
    }

    proptest! {
        #[test]
        fn any_text_survives(text in ".{0,40}") {
            let mut encoded = String::from("k=");
            encode(&text, &mut encoded);

            prop_assert_eq!(&decode(&encoded).unwrap()[0].1, &text);
        }

        #[test]
        fn no_query_panics(text in ".{0,60}") {
            let _ = decode(&text);
        }
    }
}
