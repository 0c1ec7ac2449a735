//! `observe check-config`: validates settings, and shows each value with where it came from.

use std::{fmt::Write, path::PathBuf, process::ExitCode};

use serde_json::json;
use toml::Value;

use super::{FAILED, Global, fail_settings, print, store_access, tell};
use crate::settings::{Environment, Loaded, Origin, SettingsErrors};

/// Validates settings and shows where each value came from
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Checks this file instead of the one that `serve` would read
    file: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self, global: &Global, environment: &Environment) -> ExitCode {
        let mut loaded = match global.load(self.file.as_deref(), environment, Vec::new()) {
            Ok(loaded) => loaded,
            Err(errors) => {
                if self.json {
                    print(&errors_as_json(&errors));
                }
                return fail_settings(&errors);
            }
        };
        loaded.remarks.extend(remark_on_store(&loaded));
        for remark in &loaded.remarks {
            tell(&format!("warning: {remark}\n"));
        }
        let text = if self.json { as_json(&loaded) } else { as_toml(&loaded) };
        if print(&text) { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
    }
}

/// Says why this user, on this host, could not store anything.
fn remark_on_store(loaded: &Loaded) -> Option<String> {
    let problem = store_access::problem(&store_access::file(&loaded.settings.store)?)?;
    Some(format!("{}: `store.url`: {problem}", loaded.origin("store.url")))
}

/// Writes a settings file that would have the same effect, with origins as comments.
fn as_toml(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut section = String::new();
    let mut rows = loaded.rows();
    // TOML allows each section once.
    rows.sort_by(|(left, ..), (right, ..)| split(left).cmp(&split(right)));
    for (key, value, origin) in rows {
        let (parent, name) = split(&key);
        if parent != section {
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}[{parent}]\n"));
            parent.clone_into(&mut section);
        }
        let line = format!("{name} = {}", shown(loaded, &key, value));
        // Writing to a string cannot fail.
        writeln!(text, "{line:<40} # {origin}").unwrap_or_default();
    }
    text
}

/// Splits a dotted key into its section and its name.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}

fn as_json(loaded: &Loaded) -> String {
    let rows = loaded.rows().into_iter();
    let settings: Vec<_> = rows.map(|(key, value, origin)| row(&key, &shown(loaded, &key, value), &origin)).collect();
    let file = loaded.file.as_ref().map(|path| path.display().to_string());
    format!("{:#}\n", json!({ "valid": true, "file": file, "warnings": loaded.remarks, "settings": settings }))
}

/// Returns a value as others may see it: without a password.
fn shown(loaded: &Loaded, key: &str, value: &Value) -> Value {
    if key == "store.url" { loaded.settings.store.shown_url().into() } else { value.clone() }
}

fn errors_as_json(errors: &SettingsErrors) -> String {
    let rows: Vec<_> = errors.iter().map(|error| json!({ "error": error.to_string(), "help": error.help() })).collect();
    format!("{:#}\n", json!({ "valid": false, "errors": rows, "left_out": errors.left_out() }))
}

fn row(key: &str, value: &Value, origin: &Origin) -> serde_json::Value {
    json!({ "key": key, "value": value, "origin": origin.to_string() })
}
