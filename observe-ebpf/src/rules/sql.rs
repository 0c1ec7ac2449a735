//! SQL where a value belongs.

/// Returns what kind of SQL a decoded text in lower case carries.
pub(super) fn injected(text: &str) -> Option<&'static str> {
    // Anything that follows needs one of these, and most values have none.
    if !text.contains(['\'', '"', '(', ';', ' ', '/', '@', '.']) {
        return None;
    }
    let text = &normal(text);
    if selects_more(text) {
        Some("union select")
    } else if is_always_true(text) {
        Some("condition that is always true or false")
    } else if stacks(text) {
        Some("second statement")
    } else if FUNCTIONS.iter().any(|function| calls(text, function)) {
        Some("function or table for attacks")
    } else if comments_out(text) {
        Some("quote and comment")
    } else {
        None
    }
}

/// Replaces comments, which stand for spaces, and joins spaces.
fn normal(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        plain.push_str(before);
        plain.push(' ');
        let (inner, after) = comment.split_once("*/").unwrap_or((comment, ""));
        // MySQL runs what stands in such a comment.
        let hidden = inner.strip_prefix('!').map(|hidden| hidden.trim_start_matches(|c: char| c.is_ascii_digit()));
        plain.push_str(hidden.unwrap_or_default());
        plain.push(' ');
        rest = after;
    }
    plain.push_str(rest);
    plain.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn selects_more(text: &str) -> bool {
    words(text, "union").any(|(_, after)| {
        let after = after.trim_start_matches([' ', '(']);
        let after = ["all", "distinct"].iter().find_map(|word| after.strip_prefix(word)).unwrap_or(after);
        let Some(columns) = after.trim_start_matches([' ', '(']).strip_prefix("select") else {
            return false;
        };
        // A search for the committee of a union has no columns.
        let columns = columns.trim_start();
        let first = columns.split(' ').next().unwrap_or_default();
        columns.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '\'' | '"' | '@' | '(' | '*' | '-'))
            || first.starts_with("null")
            || first.contains([',', '('])
            || columns.contains(" from ")
    })
}

/// Looks for `or 1=1` and its kin: two literals that are compared, behind a value that ends.
fn is_always_true(text: &str) -> bool {
    OPERATORS.iter().flat_map(|operator| words(text, operator)).any(|(before, after)| {
        let before = before.trim_end();
        let is_quoted = before.ends_with(['\'', '"', '`']);
        if !is_quoted && !before.ends_with(|c: char| c.is_ascii_digit() || c == ')') {
            return false;
        }
        let after = after.strip_prefix(" not ").unwrap_or(after);
        let Some((_, rest)) = literal(after) else {
            return false;
        };
        let compared = rest.trim_start();
        let operand = COMPARISONS.iter().find_map(|comparison| compared.strip_prefix(comparison));
        operand.map_or_else(|| is_quoted && is_comment(compared), |operand| literal(operand).is_some())
    })
}

/// Reads a number or a quoted text, which the quote of the statement may end.
fn literal(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches([' ', '(']);
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let inner = text.get(1..)?;
        let end = inner.find(quote).unwrap_or(inner.len());
        let is_plain = inner.get(..end)?.len() <= MAX_LITERAL;
        return is_plain.then_some((inner.get(..end)?, inner.get(end + 1..).unwrap_or_default()));
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let is_whole = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    (!number.is_empty() && is_whole).then(|| (number, rest.trim_start_matches(')')))
}

fn stacks(text: &str) -> bool {
    text.split(';').skip(1).any(|statement| {
        let statement = statement.trim_start();
        STATEMENTS.iter().any(|start| statement.starts_with(start))
            || statement.starts_with("update ") && statement.contains(" set ")
    })
}

/// Looks for a function or table; one that begins with a letter must begin a word.
fn calls(text: &str, function: &str) -> bool {
    words_before(text, function).any(|(_, after)| {
        let takes_number = matches!(function, "sleep(" | "benchmark(");
        !takes_number || after.trim_start_matches([' ', '(', '\'']).starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Looks for a quote that ends the value and a comment that swallows the rest of the statement.
fn comments_out(text: &str) -> bool {
    text.match_indices(['\'', '"']).any(|(at, _)| {
        let after = text.get(at + 1..).unwrap_or_default();
        at > 0 && is_comment(after.trim_start_matches([')', ' ', ';']))
    })
}

/// Returns whether nothing but the sign of a comment is left.
fn is_comment(text: &str) -> bool {
    text.strip_prefix("--").is_some_and(|rest| rest.trim_start_matches([' ', '-', '+']).is_empty()) || text == "#"
}

/// Finds a word; returns what stands before and after it.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let is_end = |after: &str| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    words_before(text, word).filter(move |(_, after)| word.starts_with(['|', '&']) || is_end(after))
}

/// Finds the beginning of a word; returns what stands before and after it.
fn words_before<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let found = text.match_indices(word);
    let parts = found.filter_map(move |(at, _)| Some((text.get(..at)?, text.get(at + word.len()..)?)));
    parts.filter(move |(before, _)| {
        !word.starts_with(char::is_alphanumeric) || !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

const MAX_LITERAL: usize = 32;
const OPERATORS: &[&str] = &["or", "and", "xor", "||", "&&"];
const COMPARISONS: &[&str] = &["=", "<=>", "<>", "!=", "like ", "<", ">"];
const STATEMENTS: &[&str] = &[
    "alter table ",
    "create user ",
    "delete from ",
    "drop database ",
    "drop schema ",
    "drop table ",
    "exec ",
    "exec(",
    "grant all ",
    "insert into ",
    "shutdown --",
    "shutdown with ",
    "shutdown--",
    "truncate table ",
];
const FUNCTIONS: &[&str] = &[
    "@@version",
    "benchmark(",
    "dbms_pipe.receive_message",
    "extractvalue(",
    "group_concat(",
    "information_schema.",
    "into dumpfile",
    "into outfile",
    "load_file(",
    "pg_sleep(",
    "sleep(",
    "updatexml(",
    "utl_http.request",
    "waitfor delay",
    "xp_cmdshell",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sql_in_values_is_found() {
        for text in [
            "id=1 union select 1,2,3",
            "id=-1 union all select null,null",
            "id=1/**/union/**/select/**/password/**/from/**/users",
            "id=1 /*!50000union*/ /*!50000select*/ 1",
            "id=1 union(select(1),2)",
            "id=1 or 1=1",
            "id=1) or (1=1",
            "name=' or '1'='1",
            "name=x' or 'x'='x",
            "name=' or ''='",
            "name=1'or'1'='1",
            "name=\" or \"a\"=\"a",
            "name=' || 1=1",
            "name=' or 1 -- -",
            "name=' or 'a' like 'a",
            "id=5 and 1=2",
            "id=1; drop table users",
            "id=1;delete from users",
            "id=1';update users set admin=1",
            "id=1'; exec xp_cmdshell('dir')",
            "id=1 and sleep(5)",
            "id=sleep (5)or sleep(5)",
            "id=1;waitfor delay '0:0:5'",
            "id=(select table_name from information_schema.tables)",
            "id=1'; shutdown--",
            "user=admin'--",
            "user=admin') -- ",
            "user=admin'#",
        ] {
            assert!(injected(text).is_some(), "{text}");
        }
    }

    #[test]
    fn ordinary_values_are_not() {
        for text in [
            "q=select a student union",
            "q=union select committee",
            "q=trade unions select",
            "name=o'reilly",
            "q=it's 5 o'clock and 10 more",
            "q=black or white",
            "q='this' or 'that'",
            "q=1 or 2",
            "q=drop table lamp",
            "q=delete from list",
            "a=b;c=d",
            "q=restart;shutdown",
            "q=rock 'n' #1 hits",
            "q=sleep(deep)",
            "q=deepsleep(8)",
            "q=\"exact phrase\"",
            "filter=price>5 and stock",
            "f=(a='x')",
            "q=what -- really",
            "/a/b.html",
            "",
        ] {
            assert_eq!(injected(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), sql in "(or|and|union|select|'|\"|1|=|--|/\\*|\\*/|;| |é|\\(|\\)){0,30}") {
            injected(&text);
            injected(&sql);
        }
    }
}
