//! Values of which nothing is lost.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::cli::table;

/// A float: a number where JSON has one for it, else text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.serialize_str(&exact(self.0)) }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl de::Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or \"NaN\", \"Infinity\", \"-Infinity\"")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        read_exact(text).map(Number).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }
}

/// Writes a value so that [`read_exact`] gives the same bits: a NaN with anything particular to it as `NaN(0x7ff…)`.
pub(in super::super) fn exact(value: f64) -> String {
    match value {
        value if value.is_nan() && value.to_bits() != f64::NAN.to_bits() => format!("NaN({:#018x})", value.to_bits()),
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        value => table::number(value),
    }
}

/// Reads what [`exact`] writes, and other spellings of the same.
pub(in super::super) fn read_exact(text: &str) -> Option<f64> {
    let bits = text.strip_prefix("NaN(0x").and_then(|rest| rest.strip_suffix(')'));
    match bits {
        Some(bits) => u64::from_str_radix(bits, 16).ok().map(f64::from_bits).filter(|value| value.is_nan()),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_keeps_its_bits(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            let json = serde_json::to_string(&Number(value)).unwrap();

            prop_assert_eq!(read_exact(&exact(value)).map(f64::to_bits), Some(bits));
            prop_assert_eq!(serde_json::from_str::<Number>(&json).unwrap().0.to_bits(), bits);
        }
    }

    #[test]
    fn other_texts_are_no_values() {
        for text in ["", "x", "NaN(0x)", "NaN(0x0)", "NaN(7)", "1,5", "0x10"] {
            assert_eq!(read_exact(text), None, "{text}");
        }
    }
}
