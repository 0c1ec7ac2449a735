//! Command lines, fit to be shown: secrets masked, bounded, without control characters.
//!
//! Masked are what follows a name that says it is secret (`--password x`, `API_KEY=x`, `X-Auth-Token: x`), up to the end
//! of its argument; user information in URLs; and short options of programs known for them (`mysql -pX`). Rather too
//! much is masked than too little, but a secret that nothing names cannot be known.

/// Turns the arguments of a process, separated by zeros as in `/proc/[pid]/cmdline`, into one line.
///
/// # Examples
///
/// ```
/// use observe_core::command_line::masked;
///
/// assert_eq!(masked(b"backup\0--password\0hunter2\0-v\0"), "backup --password *** -v");
/// ```
#[must_use]
pub fn masked(arguments: &[u8]) -> String {
    let mut line = String::new();
    each_masked(arguments, |masking, argument| {
        if !line.is_empty() {
            line.push(' ');
        }
        masking.push(&mut line, argument);
        line.len() <= MAX_BYTES
    });
    line.truncate(line.floor_char_boundary(MAX_BYTES));
    line
}

/// Masks the arguments of a process, separated by zeros, one by one.
///
/// # Examples
///
/// ```
/// use observe_core::command_line::masked_arguments;
///
/// assert_eq!(masked_arguments(b"echo\0a b\0"), ["echo", "a b"]);
/// ```
#[must_use]
pub fn masked_arguments(arguments: &[u8]) -> Vec<String> {
    let mut shown = Vec::new();
    let mut room = MAX_BYTES;
    each_masked(arguments, |masking, argument| {
        let mut text = String::new();
        masking.push(&mut text, argument);
        text.truncate(text.floor_char_boundary(room));
        // One that is empty takes room as well.
        room = room.saturating_sub(text.len() + 1);
        shown.push(text);
        room > 0
    });
    shown
}

/// Appends text without what could upset a terminal or a page: control characters, and those that turn the direction of
/// text, are replaced.
pub fn push_clean(line: &mut String, text: &str) {
    let is_unfit = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    line.extend(text.chars().map(|c| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c }));
}

/// Hands over one argument after the other, until there is no room for more.
fn each_masked(arguments: &[u8], mut each: impl FnMut(&mut Masking<'_>, &str) -> bool) {
    let text = String::from_utf8_lossy(arguments);
    let text = text.trim_end_matches('\0');
    if text.is_empty() {
        return;
    }
    let program = text.split('\0').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let mut masking = Masking { program, is_secret: false };
    for argument in text.split('\0') {
        if !each(&mut masking, argument) {
            return;
        }
    }
}

/// What the arguments so far say about the next one.
struct Masking<'a> {
    program: &'a str,
    is_secret: bool,
}

impl Masking<'_> {
    /// Appends an argument, its secrets masked.
    fn push(&mut self, line: &mut String, argument: &str) {
        self.is_secret = push_masked(line, self.program, argument, self.is_secret);
    }
}

/// Appends an argument; says whether the next one is a secret.
fn push_masked(line: &mut String, program: &str, argument: &str, is_secret: bool) -> bool {
    let (shown, secret) = if is_secret { ("", Secret::Rest) } else { split_at_secret(program, argument) };
    push_without_user_information(line, shown);
    if secret == Secret::Rest {
        line.push_str(MASK);
    }
    secret == Secret::Next
}

/// Where a secret stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Secret {
    None,
    /// It is the whole next argument.
    Next,
    /// It is the rest of this argument.
    Rest,
}

fn split_at_secret<'a>(program: &str, argument: &'a str) -> (&'a str, Secret) {
    for (start, option) in SHORT_OPTIONS {
        if program.starts_with(start) && argument.starts_with(option) {
            let secret = if argument == *option { Secret::Next } else { Secret::Rest };
            return (argument.get(..option.len()).unwrap_or_default(), secret);
        }
    }
    let mut at = 0;
    while let Some(rest) = argument.get(at..).filter(|rest| !rest.is_empty()) {
        let length = rest.find(|c: char| !is_name_character(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(length);
        if is_secret_name(name) {
            let behind = after.trim_start_matches(['"', '\'', '\\', ' ']);
            let is_option = name.starts_with('-');
            if behind.starts_with(['=', ':']) {
                let value = argument.len() - behind.len() + 1;
                return (argument.get(..value).unwrap_or_default(), Secret::Rest);
            }
            if is_option && after.is_empty() {
                return (argument, Secret::Next);
            }
            if is_option && after.starts_with(char::is_whitespace) {
                return (argument.get(..=at + length).unwrap_or_default(), Secret::Rest);
            }
        }
        at += length + after.chars().next().map_or(0, char::len_utf8);
    }
    (argument, Secret::None)
}

const fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Tells whether a name says that its value is a secret: `--db-password`, `PGPASSWORD`, `accessToken`, `api.key`.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut before = "";
    name.split(['-', '_', '.']).any(|part| {
        let is_key = part == "key" && KEY_OWNERS.contains(&before);
        before = part;
        is_key || SECRET_PARTS.contains(&part) || SECRET_ENDS.iter().any(|end| part.ends_with(end))
    })
}

/// Appends text with the user information of URLs masked.
fn push_without_user_information(line: &mut String, text: &str) {
    let mut rest = text;
    while let Some((scheme, after)) = rest.split_once("://") {
        push_clean(line, scheme);
        line.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''));
        let (authority, behind) = after.split_at(end.unwrap_or(after.len()));
        let host = authority.rfind('@').and_then(|at| authority.get(at..));
        line.push_str(if host.is_some() { MASK } else { "" });
        push_clean(line, host.unwrap_or(authority));
        rest = behind;
    }
    push_clean(line, rest);
}

const MAX_BYTES: usize = 1024;
const MASK: &str = "***";
const SECRET_ENDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "apikey",
    "accesskey",
    "pwd",
    "credential",
    "credentials",
    "authorization",
];
const SECRET_PARTS: &[&str] = &["auth", "cookie", "pass"];
const KEY_OWNERS: &[&str] =
    &["access", "account", "api", "auth", "encryption", "master", "private", "secret", "shared", "signing"];
/// Programs, by the start of their name, and their short options for secrets.
const SHORT_OPTIONS: &[(&str, &str)] = &[
    ("curl", "-u"),
    ("curl", "--user"),
    ("curl", "--proxy-user"),
    ("ldap", "-w"),
    ("mariadb", "-p"),
    ("mysql", "-p"),
    ("redis-cli", "-a"),
    ("smbclient", "-U"),
    ("sshpass", "-p"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(arguments: &[&str]) -> String {
        masked(arguments.join("\0").as_bytes())
    }

    #[test]
    fn values_of_secret_names_are_masked() {
        let cases: &[(&[&str], &str)] = &[
            (&["x", "--password", "hunter2", "-v"], "x --password *** -v"),
            (&["x", "--password=hunter2", "-v"], "x --password=*** -v"),
            (&["x", "--db-password=a b c"], "x --db-password=***"),
            (&["x", "--api-key", "k"], "x --api-key ***"),
            (&["x", "--API_KEY=k"], "x --API_KEY=***"),
            (&["x", "-Dspring.datasource.password=k"], "x -Dspring.datasource.password=***"),
            (&["env", "PGPASSWORD=k", "psql"], "env PGPASSWORD=*** psql"),
            (&["psql", "host=h password=k user=u"], "psql host=h password=***"),
            (&["sh", "-c", "mysqldump --password 'a b' db"], "sh -c mysqldump --password ***"),
            (&["curl", "-H", "X-Auth-Token: k"], "curl -H X-Auth-Token:***"),
            (&["curl", "-d", r#"{"accessToken" : "k"}"#], r#"curl -d {"accessToken" :***"#),
            (&["curl", "https://h/p?token=k&x=1"], "curl https://h/p?token=***"),
        ];
        for (arguments, expected) in cases {
            assert_eq!(line(arguments), *expected);
        }
    }

    #[test]
    fn user_information_and_known_short_options_are_masked() {
        assert_eq!(line(&["git", "clone", "https://me:k@h/p", "ssh://t@h"]), "git clone https://***@h/p ssh://***@h");
        assert_eq!(line(&["/usr/bin/mysql", "-uroot", "-pk", "db"]), "/usr/bin/mysql -uroot -p*** db");
        assert_eq!(line(&["sshpass", "-p", "k", "ssh", "h"]), "sshpass -p *** ssh h");
        assert_eq!(line(&["curl", "-u", "me:k", "h"]), "curl -u *** h");
    }

    #[test]
    fn what_is_not_secret_stays() {
        for arguments in [
            &["vllm", "--max-tokens", "512", "--tokenizer=x"][..],
            &["git", "log", "--author=me", "--pretty=%an@%ae"],
            &["ssh", "-p", "22", "-i", "/home/me/key"],
            &["x", "https://h:80/@me", "sort", "--key=2"],
        ] {
            assert_eq!(line(arguments), arguments.join(" "));
        }
    }

    #[test]
    fn lines_are_bounded_and_have_no_control_characters() {
        let long = line(&["x", &"é".repeat(3_000)]);
        let odd = masked(b"a\x1b[31m\nb\0\xff\0\0");

        assert!(long.len() <= MAX_BYTES && long.len() > MAX_BYTES - 4);
        assert_eq!(odd, "a\u{fffd}[31m\u{fffd}b \u{fffd}");
        assert_eq!(masked(b""), "");
    }

    #[test]
    fn arguments_stay_apart_and_are_masked_and_bounded_alike() {
        let long = masked_arguments(["x", &"é".repeat(3_000), "y"].join("\0").as_bytes());

        assert_eq!(masked_arguments(b"x\0--token\0k\0a b\0\0c\0"), ["x", "--token", "***", "a b", "", "c"]);
        assert_eq!(long.iter().map(String::len).collect::<Vec<_>>(), [1, 1_022]);
        assert_eq!(masked_arguments(&b"\0x".repeat(3_000)).len(), 513);
        assert!(masked_arguments(b"\0\0").is_empty() && masked_arguments(b"").is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(arguments in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(masked(&arguments).len() <= MAX_BYTES);
            prop_assert!(masked_arguments(&arguments).iter().map(String::len).sum::<usize>() <= MAX_BYTES);
        }

        #[test]
        fn a_named_secret_never_shows(before in "[ -~]{0,20}", secret in "[A-Z]{12}", after in "[ -~]{0,20}") {
            let text = format!("x\0{before} --token={secret}{after}\0--secret\0{secret}");
            prop_assert!(!masked(text.as_bytes()).contains(&secret));
            prop_assert!(!masked_arguments(text.as_bytes()).concat().contains(&secret));
        }
    }
}
