//! The words of log records, cut the same way for every database.
//!
//! Both databases could cut text themselves, each in its own way: PostgreSQL takes `disk.full` for the name of a host,
//! SQLite takes `é` for `e`. So they get words that are cut and in lower case already, as [`observe_core::LogQuery`]
//! has them: runs of letters and digits.

use std::collections::HashSet;

/// Returns the words by which a text is found, separated by spaces. Words beyond the bound are not found.
pub(super) fn index(text: &str) -> String {
    let mut indexed = String::new();
    let mut seen = HashSet::new();
    let end = text.floor_char_boundary(MAX_INDEXED_BYTES);
    for word in words(text.get(..end).unwrap_or(text)) {
        if seen.contains(&word) {
            continue;
        }
        indexed.push_str(if indexed.is_empty() { "" } else { " " });
        indexed.push_str(&word);
        seen.insert(word);
    }
    indexed
}

/// Returns the words that are looked for; empty where any text will do.
pub(super) fn wanted(text: &str) -> Vec<String> {
    let distinct: HashSet<String> = words(text).take(MAX_WANTED).collect();
    distinct.into_iter().collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let runs = text.split(|character: char| !character.is_alphanumeric()).filter(|run| !run.is_empty());
    runs.map(|run| {
        let mut word = run.to_lowercase();
        word.truncate(word.floor_char_boundary(MAX_WORD_BYTES));
        word
    })
}

/// PostgreSQL refuses a text with more than a mebibyte of words.
const MAX_INDEXED_BYTES: usize = 64 << 10;
/// Longer words are found by their beginning; whoever asks looks at the rest. PostgreSQL refuses one above two kibibytes.
const MAX_WORD_BYTES: usize = 64;
/// More do not make a search any narrower.
const MAX_WANTED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(index("Disk.full: disk /dev/SDA1 «ÄRGER»"), "disk full dev sda1 ärger");
        assert_eq!(index(" -- "), "");
    }

    #[test]
    fn long_texts_and_long_words_are_cut() {
        let long = "é".repeat(100_000);

        assert_eq!(index(&long), "é".repeat(32));
        assert_eq!(wanted(&long), ["é".repeat(32)]);
        assert!(index(&(0..100_000).map(|n| format!("{n} ")).collect::<String>()).len() <= MAX_INDEXED_BYTES);
        assert_eq!(wanted(&(0..100).map(|n| format!("{n} ")).collect::<String>()).len(), MAX_WANTED);
    }
}
