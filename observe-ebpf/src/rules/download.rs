//! Scripts that hand what they download to a shell.

use std::fmt;

use super::{
    command::is_shell,
    redact,
    script::{Stage, pipelines},
};

/// A download that is run.
#[derive(Debug, PartialEq)]
pub(super) struct Download<'a> {
    /// What loads.
    with: &'static str,
    /// What runs.
    by: &'a str,
    /// Where from, where that can be told.
    pub(super) host: Option<&'a str>,
}

impl fmt::Display for Download<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.with, self.by)?;
        self.host.map_or(Ok(()), |host| write!(f, ", from {host}"))
    }
}

/// Finds `curl … | sh`, and `sh -c "$(curl …)"` and its kin.
pub(super) fn piped(script: &str) -> Option<Download<'_>> {
    // Nearly all scripts end here.
    DOWNLOADERS.iter().find(|downloader| script.contains(*downloader))?;
    let pipelines = pipelines(script);
    pipelines.iter().find_map(|pipeline| through_a_pipe(pipeline)).or_else(|| {
        let mut stages = pipelines.iter().flatten();
        stages.find_map(|stage| substituted(*stage))
    })
}

fn through_a_pipe<'a>(pipeline: &[Stage<'a>]) -> Option<Download<'a>> {
    let (loads, with) = pipeline.iter().enumerate().find_map(|(at, stage)| Some((at, downloader(stage.name)?)))?;
    let by = pipeline.iter().skip(loads + 1).find(|stage| stage.runs_its_input())?;
    let host = pipeline.get(loads).and_then(|stage| redact::host(stage.rest));
    Some(Download { with, by: by.name, host })
}

/// Looks for a command that runs what another writes: `eval "$(wget …)"`, `bash <(curl …)`.
fn substituted(stage: Stage<'_>) -> Option<Download<'_>> {
    let is_evaluated = matches!(stage.name, "." | "eval" | "source") || is_shell(stage.name);
    let opened = |open| stage.rest.split_once(open).map(|(_, inner)| inner);
    let inner = is_evaluated.then(|| OPENINGS.iter().find_map(|open| opened(*open))).flatten()?;
    let (word, rest) = inner.trim_start().split_once(char::is_whitespace)?;
    Some(Download { with: downloader(word.rsplit('/').next()?)?, by: stage.name, host: redact::host(rest) })
}

fn downloader(name: &str) -> Option<&'static str> {
    DOWNLOADERS.iter().copied().find(|downloader| *downloader == name)
}

const DOWNLOADERS: &[&str] = &["aria2c", "curl", "fetch", "lwp-download", "wget"];
const OPENINGS: &[&str] = &["$(", "<(", "`"];

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Bench, exec, found_in_start, is_only};

    fn found(script: &str) -> Vec<(String, String)> {
        found_in_start("/bin/sh", &["sh", "-c", script])
    }

    #[test]
    fn downloads_that_go_to_a_shell_are_found() {
        for script in [
            "curl -fsSL https://example.com/i.sh | sh",
            "cd /tmp; wget -qO- http://192.0.2.9/x.sh|bash -s -- a",
            "/usr/bin/curl x | tee log | sudo -E bash -",
            "curl https://example.com/x.py | python3",
            "eval \"$(curl -s https://example.com)\"",
            "bash <(curl -s https://example.com)",
            "sh -c \"$(wget -O - https://example.com)\"",
            "source <(curl x )",
        ] {
            assert!(is_only(&found(script), "download_and_run"), "{script}");
        }
    }

    #[test]
    fn downloads_that_are_only_read_are_not() {
        for script in [
            "curl https://example.com | jq .",
            "curl https://example.com/x.tgz | tar xz",
            "curl -s x | python3 -m json.tool",
            "curl x | python3 -c 'import json'",
            "curl -f https://example.com || bash fallback.sh",
            "echo 'curl x | sh'",
            "VERSION=$(curl -s https://example.com); bash build.sh",
            "curl -o i.sh https://example.com; cat local.sh | sh",
            "cat curl.txt | sh",
            "curl",
        ] {
            assert_eq!(found(script), [], "{script}");
        }
        assert_eq!(found_in_start("/bin/echo", &["echo", "-c", "curl x | sh"]), []);
    }

    #[test]
    fn evidence_names_the_host_and_nothing_else_of_the_script() {
        let told = found("curl -u me:hunter2 https://tok:en@example.com/key/hunter2?k=hunter2 | sh");

        assert_eq!(told[0].1, "curl to sh, from example.com: /bin/sh");
    }

    #[test]
    fn hosts_on_the_list_are_passed_over() {
        let mut bench = Bench::new("[download_and_run]\nallow = ['*.example.com']");
        let mut see = |url| bench.start(&exec("/bin/sh", &["sh", "-c", &format!("curl {url} | sh")])).len();

        assert_eq!((see("https://get.example.com/x"), see("https://example.org/x")), (0, 1));
    }
}
