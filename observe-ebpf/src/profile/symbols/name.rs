//! Names as people write them, from names as linkers do.

use std::fmt::{self, Write};

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};

/// Spells the name of a symbol of Rust or C++ readably; any other as it is.
///
/// Binaries belong to whoever runs them: a name may be made to spell out endlessly, so it is cut.
pub(super) fn readable(symbol: &str) -> String {
    // What follows is a version.
    let symbol = symbol.split('@').next().unwrap_or(symbol);
    let mut name = Bounded::default();
    let outcome = if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
        write!(name, "{rust:#}")
    } else if symbol.starts_with("_Z")
        && let Ok(cpp) = Symbol::new_with_options(symbol, &ParseOptions::default().recursion_limit(DEPTH))
    {
        let options = DemangleOptions::new().no_params().no_return_type().recursion_limit(DEPTH);
        cpp.structured_demangle(&mut name, &options)
    } else {
        name.write_str(symbol)
    };
    match outcome {
        Ok(()) => clean(&name.0),
        Err(_) if name.0.is_empty() => clean(symbol),
        Err(_) => clean(&name.0) + "…",
    }
}

/// Takes out what has a meaning in folded stacks, or none in a line of text.
pub(in crate::profile) fn clean(name: &str) -> String {
    let clean = |character: char| match character {
        ';' => ':',
        character if character.is_control() => ' ',
        character => character,
    };
    name.chars().take(MAX_NAME).map(clean).collect()
}

/// A text that ends when it gets too long.
#[derive(Debug, Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_NAME {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// The longest name; longer ones are cut.
const MAX_NAME: usize = 512;
/// How deep the parts of a name may lie within each other.
const DEPTH: u32 = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_rust_and_of_cpp_are_spelled_readably() {
        assert_eq!(readable("_ZN5alloc3vec12Vec$LT$T$GT$4push17h0123456789abcdefE"), "alloc::vec::Vec<T>::push");
        assert_eq!(readable("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
        assert_eq!(readable("_ZN3foo3barIiEEvT_"), "foo::bar<int>");
        assert_eq!(readable("_ZNSt6vectorIiSaIiEE9push_backEOi"), "std::vector<int, std::allocator<int> >::push_back");
    }

    #[test]
    fn other_names_stay_as_they_are() {
        assert_eq!(readable("malloc"), "malloc");
        assert_eq!(readable("memcpy@@GLIBC_2.14"), "memcpy");
        assert_eq!(readable("_Znonsense"), "_Znonsense");
        assert_eq!(readable("<[u8; 8]>::fill\n"), "<[u8: 8]>::fill ");
    }

    #[test]
    fn a_name_that_would_spell_out_endlessly_is_cut() {
        // Each parameter is a pair of the one before: 2^30 names in all.
        let pairs: String = (0..30).map(|_| "S_IT_S0_E").collect();
        let name = readable(&format!("_Z1fI1aE{pairs}{}", "St4pairIS_S_E".repeat(60)));
        let long = readable(&"x".repeat(10_000));

        assert!(name.len() <= MAX_NAME + 3 && long.len() <= MAX_NAME + 3, "{} {}", name.len(), long.len());
    }

    proptest! {
        #[test]
        fn no_name_panics_or_breaks_a_line(start in prop::sample::select(vec!["", "_Z", "_ZN", "_R", "_ZSt"]), rest: String) {
            let name = readable(&format!("{start}{rest}"));

            prop_assert!(!name.contains([';', '\n']));
        }

        #[test]
        fn no_mangled_name_panics(rest in "[0-9A-Z_a-z]{0,60}") {
            readable(&format!("_Z{rest}"));
            readable(&format!("_R{rest}"));
        }
    }
}
