//! `observe doctor`: looks at what this host offers, one line each, with a way to get what is missing.

mod host;
mod kernel;
mod port;
mod store;

use std::{fmt::Write, io, process::ExitCode};

use serde::Serialize;

use self::host::Host;
use super::{FAILED, Global, print};
use crate::{
    assemble,
    settings::{Environment, Loaded, Settings, SettingsErrors},
};

/// Checks what this host offers, and says how to get what is missing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// What came out of one check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    name: &'static str,
    outcome: Outcome,
    detail: String,
    /// What to do, unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// `serve` will not work, or will not tell the truth.
    Broken,
    /// Something will be missing.
    Limited,
    Ok,
}

impl Args {
    pub(super) fn run(self, global: &Global, environment: &Environment) -> ExitCode {
        let loaded = global.load(None, environment, Vec::new());
        let settings = loaded.as_ref().map_or_else(|_| Settings::default(), |loaded| loaded.settings.clone());
        let mut checks = Host::new(&settings.collectors.roots).checks();
        // Settings that cannot be used are told of by a check of their own.
        let tracing = loaded.as_ref().ok().and_then(|loaded| assemble::tracing(loaded).ok());
        checks.extend(tracing.into_iter().flat_map(kernel::checks));
        checks.push(port::check(&settings.server.host, settings.server.port));
        checks.push(store::check(&settings.store));
        checks.push(settings_file(&loaded));

        let text = if self.json {
            format!("{:#}\n", serde_json::json!({ "checks": checks }))
        } else {
            as_lines(&checks, global.is_colored(&io::stdout(), environment))
        };
        let is_printed = print(&text);
        let is_broken = checks.iter().any(|check| check.outcome == Outcome::Broken);
        if is_printed && !is_broken { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
    }
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Ok, detail: detail.into(), fix: None }
    }

    fn limited(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Limited, detail: detail.into(), fix: Some(fix.into()) }
    }

    fn broken(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Broken, detail: detail.into(), fix: Some(fix.into()) }
    }
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Limited => "limited",
            Self::Ok => "ok",
        }
    }

    /// Returns the terminal's code for the colour.
    const fn color(self) -> u8 {
        match self {
            Self::Broken => 31,
            Self::Limited => 33,
            Self::Ok => 32,
        }
    }
}

fn as_lines(checks: &[Check], is_colored: bool) -> String {
    let mut text = String::new();
    for Check { name, outcome, detail, fix } in checks {
        let word = format!("{:<8}", outcome.as_str());
        let word = if is_colored { format!("\u{1b}[{}m{word}\u{1b}[0m", outcome.color()) } else { word };
        let fix = fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
        // Writing to a string cannot fail.
        writeln!(text, "{word} {name:<13} {detail}{fix}").unwrap_or_default();
    }
    text
}

fn settings_file(loaded: &Result<Loaded, SettingsErrors>) -> Check {
    match loaded {
        Ok(Loaded { file: Some(file), .. }) => Check::ok("settings", format!("read from {}", file.display())),
        Ok(Loaded { file: None, .. }) => Check::ok("settings", "no file; defaults"),
        Err(errors) => {
            let (detail, fix) = errors.iter().next().map(|error| (error.to_string(), error.help())).unwrap_or_default();
            match errors.iter().count() + errors.left_out() {
                0 | 1 => Check::broken("settings", detail, fix),
                count => {
                    let detail = format!("{detail}, and {} more", count - 1);
                    Check::broken("settings", detail, "`observe check-config` tells all of them")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_the_fix() {
        let checks = [Check::ok("kernel", "6.1"), Check::limited("btf", "absent", "enable CONFIG_DEBUG_INFO_BTF")];

        let text = as_lines(&checks, false);

        assert_eq!(text, "ok       kernel        6.1\nlimited  btf           absent; enable CONFIG_DEBUG_INFO_BTF\n");
        assert!(as_lines(&checks, true).contains("\u{1b}[33mlimited"));
    }
}
