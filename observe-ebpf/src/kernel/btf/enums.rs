//! Names of the kernel's enumerations.

use super::types::{ENUM, Types};

/// One variant of an enumeration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) value: u32,
}

/// Returns the variants of the enumeration called `name`.
pub(super) fn variants(types: Types<'_>, name: &str) -> Option<Vec<Variant>> {
    for found in types.iter() {
        let found = found?;
        if found.kind() == ENUM && types.text(found.name)? == name.as_bytes() {
            return found.records().map(|[name, value]| variant(types, name, value)).collect();
        }
    }
    None
}

fn variant(types: Types<'_>, name: u32, value: u32) -> Option<Variant> {
    let name = String::from_utf8_lossy(types.text(name)?).into_owned();
    Some(Variant { name, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::btf::{testing::description, types::INTEGER};

    #[test]
    fn variants_are_found_by_the_name_of_their_enumeration() {
        let color = [5, ENUM << 24 | 2, 4, 11, 0, 15, 7];
        let bytes = description(&[&[1, INTEGER << 24, 4, 32], &color], &["int", "color", "RED", "BLUE"]);
        let types = Types::new(&bytes).unwrap();

        let found = variants(types, "color").unwrap();

        assert_eq!(found[0], Variant { name: "RED".into(), value: 0 });
        assert_eq!(found[1], Variant { name: "BLUE".into(), value: 7 });
        assert!(variants(types, "shape").is_none() && variants(types, "int").is_none());
    }
}
