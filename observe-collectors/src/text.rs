//! Words and numbers in the text files of the kernel.
//!
//! Everything works on bytes, allocates nothing, and gives `None` for what it cannot read.

/// Iterates over lines; a missing line end after the last one does not matter.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail.get(1..).unwrap_or_default();
        Some(line)
    })
}

/// Iterates over the words of a text, which stand between spaces, tabs and line ends.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    /// Starts at the beginning of `text`.
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// Takes the next word as a whole number.
    pub(crate) fn u64(&mut self) -> Option<u64> {
        parse_u64(self.next()?)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.rest.iter().position(|byte| !is_blank(*byte))?;
        let from = self.rest.get(start..)?;
        let end = from.iter().position(|byte| is_blank(*byte)).unwrap_or(from.len());
        let (word, rest) = from.split_at_checked(end)?;
        self.rest = rest;
        Some(word)
    }
}

/// Splits at the first `separator`, which belongs to neither part.
pub(crate) fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Reads a whole number: digits and nothing else, up to `u64::MAX`.
pub(crate) fn parse_u64(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 20 {
        return None;
    }
    word.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

/// Reads a whole number that may have a minus sign.
pub(crate) fn parse_i64(word: &[u8]) -> Option<i64> {
    match word.split_first() {
        Some((b'-', digits)) => 0_i64.checked_sub_unsigned(parse_u64(digits)?),
        _ => i64::try_from(parse_u64(word)?).ok(),
    }
}

/// Reads a decimal number such as `0.08`, `-3` or `12.`; no exponents, at most 19 digits.
pub(crate) fn parse_f64(word: &[u8]) -> Option<f64> {
    let (is_negative, digits) = match word.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, word),
    };
    let mut number = 0_u64;
    let mut fraction_len = None;
    let mut digit_count = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        match (digit, fraction_len) {
            (0..=9, _) => {
                number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
                digit_count += 1;
                fraction_len = fraction_len.map(|len: usize| len + 1);
            }
            (_, None) if *byte == b'.' => fraction_len = Some(0),
            _ => return None,
        }
    }
    if digit_count == 0 {
        return None;
    }
    let magnitude = number as f64 / POWERS_OF_TEN.get(fraction_len.unwrap_or(0))?;
    Some(if is_negative { -magnitude } else { magnitude })
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

const POWERS_OF_TEN: [f64; 20] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_line_needs_no_end() {
        assert_eq!(lines(b"a\n\nb").collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
        assert_eq!(lines(b"a\n").count(), 1);
        assert_eq!(lines(b"").count(), 0);
    }

    #[test]
    fn words_stand_between_blanks_of_any_kind() {
        let mut words = Words::new(b"  cpu0\t12   7\r\n");

        assert_eq!(words.next(), Some(&b"cpu0"[..]));
        assert_eq!((words.u64(), words.u64(), words.u64()), (Some(12), Some(7), None));
    }

    #[test]
    fn whole_numbers_are_digits_and_nothing_else() {
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "-1", "+1", "1.0", "0x1", "18446744073709551616", "111111111111111111111111", "1 "] {
            assert_eq!(parse_u64(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775808"), None);
        assert_eq!(parse_i64(b"-"), None);
    }

    #[test]
    fn decimal_numbers_have_one_point() {
        assert_eq!(parse_f64(b"0.08"), Some(0.08));
        assert_eq!(parse_f64(b"-12."), Some(-12.0));
        assert_eq!(parse_f64(b"2596.120"), Some(2596.12));
        for bad in ["", "-", ".", "1.2.3", "1e3", "nan", "inf", "99999999999999999999999"] {
            assert_eq!(parse_f64(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_first_separator_splits() {
        assert_eq!(split_once(b"a:b:c", b':'), Some((&b"a"[..], &b"b:c"[..])));
        assert_eq!(split_once(b"abc", b':'), None);
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_the_standard_library_reads_them(whole: u64, signed: i64, tenths in -1_000_000_000_i64..1_000_000_000) {
            let decimal = format!("{:.3}", tenths as f64 / 1000.0);

            prop_assert_eq!(parse_u64(whole.to_string().as_bytes()), Some(whole));
            prop_assert_eq!(parse_i64(signed.to_string().as_bytes()), Some(signed));
            prop_assert_eq!(parse_f64(decimal.as_bytes()), decimal.parse().ok());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let words: usize = lines(&bytes).map(|line| Words::new(line).count()).sum();
            for word in Words::new(&bytes) {
                let _ = (parse_u64(word), parse_i64(word), parse_f64(word));
            }

            prop_assert_eq!(words, Words::new(&bytes).count());
        }
    }
}
