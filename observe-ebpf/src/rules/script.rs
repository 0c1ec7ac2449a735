//! Scripts of shells, taken apart as far as pipelines and commands.

use super::command::{is_shell, program_name};

/// A command of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stage<'a> {
    /// The program without directories and version.
    pub(super) name: &'a str,
    /// What follows the program.
    pub(super) rest: &'a str,
}

impl<'a> Stage<'a> {
    /// Reads a command without what stands before it: brackets, keywords, variables and the likes of `sudo`.
    fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | '{' | '!' | '`'));
            let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
            if let Some((_, inner)) = word.split_once("=$(") {
                rest = rest.get(rest.len() - after.len() - inner.len()..)?;
            } else if OWN_VALUE.contains(&word) {
                let value = after.trim_start();
                rest = value.get(value.find(char::is_whitespace)?..)?;
            } else if BEFORE.contains(&word) || is_assignment(word) || word.starts_with('-') {
                rest = after;
            } else {
                let name =
                    program_name(word.trim_end_matches([')', '}', '`', '"', '\'']).trim_start_matches(['"', '\'']));
                return (!name.is_empty()).then_some(Self { name, rest: after });
            }
            if rest.is_empty() {
                return None;
            }
        }
    }

    /// Returns whether this command runs whatever comes in.
    pub(super) fn runs_its_input(self) -> bool {
        let inline = if is_shell(self.name) { "c" } else { "cemnpr" };
        if !is_shell(self.name) && !INTERPRETERS.contains(&self.name) {
            return false;
        }
        for word in self.rest.split_whitespace() {
            let word = word.trim_end_matches([')', '}', '`', '"', '\'']);
            match word.strip_prefix(['-', '+']) {
                Some("s" | "") => return true,
                Some(letters) if !letters.starts_with('-') && letters.contains(|c| inline.contains(c)) => return false,
                None if word == "/dev/stdin" => return true,
                None if !word.is_empty() && !word.contains(['<', '>']) => return false,
                _ => {}
            }
        }
        true
    }

    /// Returns whether this is a shell that was told to be interactive, or whose input is a descriptor.
    pub(super) fn is_interactive_shell(self) -> bool {
        let is_option = |word: &str| word.starts_with('-') && !word.starts_with("--") && word.contains('i');
        is_shell(self.name) && (self.rest.contains("<&") || self.rest.split_whitespace().any(is_option))
    }
}

/// Takes a script apart: pipelines, and their commands in order. Quoted text is left whole.
///
/// This is no parser of shell; it is right about what people and programs write in one line.
pub(super) fn pipelines(script: &str) -> Vec<Vec<Stage<'_>>> {
    let mut found = Vec::new();
    let mut pipeline = Vec::new();
    let (mut start, mut skip_to) = (0, 0);
    let (mut quote, mut last) = (None, ' ');
    for (at, c) in script.char_indices() {
        let is_escaped = last == '\\' && quote != Some('\'');
        // A backslash that is itself escaped escapes nothing.
        let before = std::mem::replace(&mut last, if is_escaped && c == '\\' { ' ' } else { c });
        if at < skip_to || is_escaped {
            continue;
        }
        if matches!(c, '\'' | '"') && quote.is_none_or(|open| open == c) {
            quote = if quote.is_none() { Some(c) } else { None };
        } else if quote.is_none()
            && let Some(cut) = script.get(at..).and_then(|rest| Cut::at(rest, before))
        {
            pipeline.extend(script.get(start..at).and_then(Stage::parse));
            if !cut.is_pipe {
                found.push(std::mem::take(&mut pipeline));
            }
            start = at + cut.length;
            skip_to = start;
        }
    }
    pipeline.extend(script.get(start..).and_then(Stage::parse));
    found.push(pipeline);
    found
}

/// Where one command ends and the next begins.
struct Cut {
    length: usize,
    is_pipe: bool,
}

impl Cut {
    fn at(rest: &str, before: char) -> Option<Self> {
        let is_redirect = matches!(before, '<' | '>') || rest.starts_with("&>");
        let (length, is_pipe) = match rest.as_bytes() {
            [b'|', b'|', ..] | [b'&', b'&', ..] => (2, false),
            [b';' | b'\n', ..] => (1, false),
            [b'|' | b'&', ..] if is_redirect => return None,
            [b'|', b'&', ..] => (2, true),
            [b'|', ..] => (1, true),
            [b'&', ..] => (1, false),
            _ => return None,
        };
        Some(Self { length, is_pipe })
    }
}

fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

/// Words that may stand before a command.
const BEFORE: &[&str] = &[
    "builtin", "command", "do", "doas", "else", "env", "exec", "if", "nohup", "setsid", "stdbuf", "sudo", "then",
    "time", "until", "while",
];
/// Options of such words that take the next word as their value.
const OWN_VALUE: &[&str] = &["-g", "-u", "timeout"];
/// Programs beside shells that run what they read.
const INTERPRETERS: &[&str] = &["node", "perl", "php", "python", "ruby"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(script: &str) -> Vec<Vec<&str>> {
        pipelines(script).iter().map(|pipeline| pipeline.iter().map(|stage| stage.name).collect()).collect()
    }

    #[test]
    fn scripts_fall_into_pipelines_and_commands() {
        let cases: &[(&str, &[&[&str]])] = &[
            ("a b | /bin/c -d|e", &[&["a", "c", "e"]]),
            ("a; b && c || d\ne", &[&["a"], &["b"], &["c"], &["d"], &["e"]]),
            ("a 2>&1 |& b >& /dev/null & c &>x", &[&["a", "b"], &["c"]]),
            ("echo 'a | b; c' \"d | e\" f\\|g | h", &[&["echo", "h"]]),
            ("X=1 sudo -u root env Y=2 a | (b) | { c; }", &[&["a", "b", "c"], &[]]),
            ("x=$(curl u | sh)", &[&["curl", "sh"]]),
            ("if a; then timeout 5 b; fi", &[&["a"], &["b"], &["fi"]]),
            ("'\\' | a", &[&["\\", "a"]]),
            ("", &[&[]]),
        ];
        for (script, expected) in cases {
            assert_eq!(names(script), *expected, "{script}");
        }
    }

    #[test]
    fn commands_that_run_their_input_are_told_from_those_that_read_it() {
        let runs = |text| Stage::parse(text).is_some_and(Stage::runs_its_input);
        for text in ["sh", "bash -s -- --yes", "sudo -E bash -", "python3 -", "sh -x 2>&1", "bash /dev/stdin a", "sh)"]
        {
            assert!(runs(text), "{text}");
        }
        for text in ["sh -c x", "bash file", "python3 -m json.tool", "perl -pe s/a/b/", "ruby -rjson -e x", "jq .", ""]
        {
            assert!(!runs(text), "{text}");
        }
    }

    #[test]
    fn interactive_shells_are_recognised() {
        let is_interactive = |text| Stage::parse(text).is_some_and(Stage::is_interactive_shell);
        assert!(is_interactive("/bin/sh -i 2>&1") && is_interactive("bash -li") && is_interactive("sh <&196 >&196"));
        assert!(!is_interactive("sh -c i") && !is_interactive("bash --init-file x") && !is_interactive("cat <&3"));
    }

    proptest! {
        #[test]
        fn no_text_panics(script in any::<String>(), shell in "[a$(){}`'\"|&;<> =\\\\-]{0,60}") {
            pipelines(&script);
            for stage in pipelines(&shell).concat() {
                stage.runs_its_input();
            }
        }
    }
}
