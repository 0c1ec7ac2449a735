//! The parts of pages that follow from the code.

use std::fmt::Write;

use observe::{EventKind, Metric, MetricKind, names};
use serde_json::Value;

use crate::common::{self, Server};

/// Writes every generated part of a page anew.
pub(crate) fn fill(page: &str, server: &Server) -> String {
    let mut parts = page.split(BEGIN);
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" -->").unwrap();
        let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("{name} has no end"));
        let table = match name {
            "events" => events(),
            "help" => help(),
            "metrics" => metrics(),
            "routes" => routes(&server.get("/openapi.json").json()),
            "settings" => settings(),
            "variables" => variables(),
            other => panic!("nobody generates {other}"),
        };
        filled.push_str(&format!("{BEGIN}{name} -->\n\n{}\n\n{END}{after}", table.trim()));
    }
    filled
}

fn events() -> String {
    let mut text = "| Kind | Frame | What happened |\n|---|---|---|\n".to_owned();
    for kind in EventKind::ALL {
        let frame = if kind.is_frame() { "yes" } else { "" };
        writeln!(text, "| `{kind}` | {frame} | {} |", kind.help()).unwrap();
    }
    text
}

fn help() -> String {
    let mut text = String::new();
    let commands = ["", "serve", "check-config", "doctor", "query", "seed-demo", "store", "trace"];
    let nested = [
        "store stats",
        "store check",
        "store copy",
        "store export",
        "store import",
        "trace exec",
        "trace flame",
        "trace io",
        "trace syscalls",
        "trace tcp",
    ];
    for command in commands.into_iter().chain(nested) {
        let name = format!("observe {command}").trim().to_owned();
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = common::run("", &arguments);
        let lines: Vec<&str> = common::stdout(&output).lines().map(str::trim_end).collect();
        write!(text, "## {name}\n\n```text\n{}\n```\n\n", lines.join("\n")).unwrap();
    }
    text
}

fn metrics() -> String {
    let modules = [
        ("Processors and load", names::cpu::ROWS),
        ("Memory", names::memory::ROWS),
        ("Pressure", names::pressure::ROWS),
        ("Block devices", names::disk::ROWS),
        ("Filesystems", names::filesystem::ROWS),
        ("Network", names::network::ROWS),
        ("Processes", names::process::ROWS),
        ("Control groups", names::cgroup::ROWS),
        ("Hardware", names::hardware::ROWS),
        ("System calls", names::syscall::ROWS),
        ("Processes that start and end", names::exec::ROWS),
        ("Want of memory", names::reclaim::ROWS),
        ("Requests of block devices", names::block::ROWS),
        ("Scheduling", names::sched::ROWS),
        ("Profiles", names::profile::ROWS),
        ("TCP", names::tcp::ROWS),
        ("Packets", names::packet::ROWS),
        ("Packets thrown away", names::drops::ROWS),
    ];
    assert_eq!(
        modules.iter().map(|(_, rows)| rows.len()).sum::<usize>(),
        names::all().count(),
        "a module of names has no title here: add it to `modules` in tests/docs/generated.rs"
    );
    let mut text = String::new();
    for (title, rows) in modules {
        write!(text, "## {title}\n\n| Key | Kind | Unit | OpenTelemetry | Meaning |\n|---|---|---|---|---|\n").unwrap();
        for row in rows {
            let (kind, unit) = (kind(row), row.unit.as_str());
            writeln!(text, "| `{}` | {kind} | {unit} | {} | {} |", row.name, otel(row), row.help).unwrap();
        }
        text.push('\n');
    }
    text
}

fn kind(metric: &Metric) -> &'static str {
    match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Derived(_) => "derived",
        MetricKind::Gauge => "gauge",
    }
}

fn otel(metric: &Metric) -> String {
    let Some(otel) = &metric.otel else { return String::new() };
    let attributes: Vec<String> = otel.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let braces = if attributes.is_empty() { String::new() } else { format!("{{{}}}", attributes.join(",")) };
    let factor = if otel.scale == 1.0 { String::new() } else { format!(" × {}", otel.scale) };
    format!("`{}{braces}`{factor}", otel.name)
}

/// Makes a table of each section of `observe.toml`, with the defaults that the binary has.
///
/// A comment is about the lines below it, up to the next comment or empty line.
fn settings() -> String {
    let output = common::run("", &["check-config", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let defaults = answer["settings"].as_array().unwrap();
    let (mut text, mut section, mut comment) = (String::new(), "", String::new());
    let (mut documented, mut was_comment) = (0, false);
    for line in include_str!("../../observe.toml").lines() {
        let is_comment = line.starts_with('#');
        if line.is_empty() || is_comment && !was_comment {
            comment.clear();
        }
        was_comment = is_comment;
        if let Some(words) = line.strip_prefix("# ") {
            comment = format!("{comment} {words}").trim().to_owned();
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
            write!(text, "\n## {section}\n\n{}", paragraph(&comment)).unwrap();
            text.push_str("| Key | Default | Meaning |\n|---|---|---|\n");
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
            let name = format!("{section}.{key}");
            let row = defaults.iter().find(|row| row["key"] == *name).unwrap_or_else(|| panic!("no {name}"));
            let meaning = match key {
                "enabled" if !section.starts_with("ebpf.rules") && section != "deep" => {
                    format!("Whether this collector runs. {comment}")
                }
                "interval_seconds" => "Seconds between two readings, 0.1 to 3600.".to_owned(),
                _ => comment,
            };
            writeln!(text, "| `{key}` | {} | {meaning} |", default(&row["value"])).unwrap();
            comment = "As above.".to_owned();
            documented += 1;
        }
    }
    assert_eq!(documented, defaults.len(), "observe.toml has not all keys");
    text
}

fn paragraph(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{text}\n\n") }
}

fn default(value: &Value) -> String {
    format!("`{}`", value.to_string().replace("\",\"", "\", \""))
}

/// Reads the table of names out of the source: a binary has no other way to show it.
fn variables() -> String {
    let source = include_str!("../../src/settings/env.rs");
    let table = source.split_once("const NAMES: &[Name] = &[").unwrap().1.split_once("];").unwrap().0;
    let mut text = "| Variable | Profile | Effect |\n|---|---|---|\n".to_owned();
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (function, arguments) = row.strip_suffix("),").unwrap().split_once('(').unwrap();
        let arguments: Vec<&str> = arguments.splitn(3, ", ").map(|argument| argument.trim_matches('"')).collect();
        let [profile, variable, effect] = arguments[..] else { panic!("{row}") };
        let effect = match function {
            "chooses" => match effect.splitn(3, ", ").collect::<Vec<_>>()[..] {
                [when, key, value] => {
                    format!("`{when}` sets `{}` to `{}`", key.trim_matches('"'), value.trim_matches('"'))
                }
                _ => panic!("{row}"),
            },
            "sets" => format!("sets `{effect}`"),
            "not_built" => format!("none; `{effect}` is not built yet"),
            "without" => format!("none; {effect}"),
            other => panic!("{other}: {row}"),
        };
        writeln!(text, "| `{variable}` | {profile} | {effect} |").unwrap();
    }
    text
}

/// Makes a table of the OpenAPI document, which follows from the table of routes.
fn routes(document: &Value) -> String {
    let mut text = "| Method | Path | Answers | Parameters |\n|---|---|---|---|\n".to_owned();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let parameters: Vec<String> =
                operation["parameters"].as_array().into_iter().flatten().map(parameter).collect();
            let (method, about) = (method.to_uppercase(), operation["summary"].as_str().unwrap());
            writeln!(text, "| {method} | `{path}` | {about} | {} |", parameters.join(", ")).unwrap();
        }
    }
    text
}

fn parameter(parameter: &Value) -> String {
    let name = parameter["name"].as_str().unwrap();
    let default = match &parameter["schema"]["default"] {
        Value::Null => String::new(),
        Value::String(text) => format!(" = {text}"),
        other => format!(" = {other}"),
    };
    if parameter["required"] == true { format!("*`{name}`*") } else { format!("`{name}{default}`") }
}

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end of generated -->";
