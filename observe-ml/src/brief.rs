//! Numbers in sentences.

use std::fmt;

/// Writes a number with about four digits, as a person would: `92.5`, `0.0333`, `1048576`, `3.2e17`.
pub(crate) struct Brief(pub(crate) f64);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size != 0.0 && !(1e-4..1e15).contains(&size) {
            return f.write_str(&trimmed(&format!("{:.3e}", self.0)));
        }
        // One decimal less for each digit before the point, and none above a thousand.
        let decimals = if size < 1e-3 { 7 } else { (3 - size.log10().floor() as i32).clamp(0, 6) as usize };
        f.write_str(&trimmed(&format!("{:.decimals$}", self.0)))
    }
}

/// Drops zeros at the end of the fraction.
fn trimmed(text: &str) -> String {
    let (number, exponent) = text.find('e').map_or((text, ""), |at| text.split_at(at));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_a_person_would_write_them() {
        for (number, text) in [
            (0.0, "0"),
            (25.0, "25"),
            (92.5, "92.5"),
            (4.499_999_999, "4.5"),
            (-33.333_33, "-33.33"),
            (0.001_234_56, "0.001235"),
            (0.000_25, "0.00025"),
            (1_048_576.25, "1048576"),
            (3.2e17, "3.2e17"),
            (1e-9, "1e-9"),
            (f64::MAX, "1.798e308"),
        ] {
            assert_eq!(Brief(number).to_string(), text);
        }
    }
}
