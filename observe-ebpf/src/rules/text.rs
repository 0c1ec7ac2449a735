//! Bytes of requests as text: decoded, in lower case.

/// Returns whether `needle` occurs.
pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len().max(1)).any(|window| window == needle)
}

/// Returns what follows `prefix`, in whatever case that is written.
pub(super) fn after_prefix<'a>(bytes: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (start, rest) = bytes.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix.as_bytes()).then_some(rest)
}

/// Returns the texts that a part of a URL may stand for, in lower case: decoded once and, where that changes it, twice.
pub(super) fn readings(part: &[u8]) -> impl Iterator<Item = String> {
    let once = decoded(part);
    let twice = once.contains(&b'%').then(|| decoded(&once)).filter(|twice| *twice != once);
    [Some(once), twice].into_iter().flatten().map(|bytes| lower(&bytes))
}

/// Returns bytes as text in lower case; what is not UTF-8 is replaced.
pub(super) fn lower(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    text.make_ascii_lowercase();
    text
}

/// Decodes `%41` and `+`, and the overlong forms in which dots and slashes are hidden from filters.
fn decoded(part: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(digit(*high) << 4 | digit(*low));
                rest = after;
                shorten(&mut bytes);
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    bytes
}

/// Replaces a dot or slash that was written with two bytes, although one would do.
fn shorten(bytes: &mut Vec<u8>) {
    let short = match bytes.as_slice() {
        [.., 0xc0, 0xae] => b'.',
        [.., 0xc0, 0xaf] => b'/',
        [.., 0xc1, 0x9c] => b'\\',
        _ => return,
    };
    bytes.truncate(bytes.len() - 2);
    bytes.push(short);
}

const fn digit(hexadecimal: u8) -> u8 {
    match hexadecimal {
        b'0'..=b'9' => hexadecimal - b'0',
        _ => (hexadecimal | 0x20).wrapping_sub(b'a' - 10),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(part: &str) -> Vec<String> {
        readings(part.as_bytes()).collect()
    }

    #[test]
    fn parts_are_decoded_once_and_twice() {
        assert_eq!(read("a%20B+c"), ["a b c"]);
        assert_eq!(read("%2527"), ["%27", "'"]);
        assert_eq!(read("%25%32%37%"), ["%27%", "'%"]);
        assert_eq!(read("100%"), ["100%"]);
        assert_eq!(read("%c0%ae%C0%AF%c1%9c"), ["./\\"]);
        assert_eq!(read("%zz%4"), ["%zz%4"]);
        assert_eq!(read(""), [""]);
    }

    #[test]
    fn bytes_are_searched_and_compared() {
        assert!(contains(b"abc", b"bc") && !contains(b"abc", b"abcd") && !contains(b"", b"a"));
        assert_eq!(after_prefix(b"Cookie: x", "cookie:"), Some(&b" x"[..]));
        assert_eq!(after_prefix(b"Coo", "cookie:"), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes in "[a-z/.' ]{0,40}", times in 1..3_usize) {
            let encode = |bytes: &str| bytes.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            let encoded = (0..times).fold(bytes.clone(), |bytes, _| encode(&bytes));

            prop_assert_eq!(readings(encoded.as_bytes()).last(), Some(bytes));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(readings(&bytes).count() <= 2);
        }
    }
}
