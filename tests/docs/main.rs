//! The documentation says what the program does: its tables follow from the code, its links lead somewhere, and what it
//! tells people to type works.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

#[path = "../common/mod.rs"]
mod common;
mod fragments;
mod generated;
mod limits;
#[expect(clippy::print_stdout, dead_code, unreachable_pub, reason = "it is what a page tells people to write")]
#[path = "newcomer/main.rs"]
mod newcomer;
mod pages;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    time::{Duration, Instant},
};

use common::Server;

use self::pages::{Page, all_pages};

/// Makes readings come soon.
const FAST: &str = "[collectors.cpu]\ninterval_seconds = 0.1\n";
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn tables_are_those_of_the_code() {
    let server = Server::start("", &[]);
    let mut stale = String::new();
    for page in all_pages() {
        let wanted = generated::fill(&page.text, &server);
        if wanted != page.text {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs").join(page.name.replace('/', "-"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, wanted).unwrap();
            stale.push_str(&format!("  cp {} {}\n", path.display(), page.name));
        }
    }
    assert!(stale.is_empty(), "pages are not up to date; copy what they should be:\n{stale}");
}

#[test]
fn limits_are_those_of_the_code() {
    let architecture = Page::read("docs/architecture.md");

    let claims = limits::claims(&architecture.text);

    assert!(claims.len() > 50, "{claims:?}");
    let wrong: Vec<String> = claims.iter().filter_map(limits::contradiction).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn counters_of_the_limits_are_exposed() {
    let server = Server::start(FAST, &[]);
    assert_eq!(server.get("/nowhere").status, 404);
    let exposition = server.get("/metrics/prometheus").body;

    let architecture = Page::read("docs/architecture.md").text;
    let names = architecture.split('`').skip(1).step_by(2);
    let counters: BTreeSet<&str> = names.filter(|name| name.ends_with("_total")).collect();

    assert!(counters.len() > 8, "{counters:?}");
    for counter in counters {
        assert!(exposition.lines().any(|line| line.starts_with(counter)), "{counter}");
    }
}

#[test]
fn code_of_the_how_tos_is_that_of_programs_that_run() {
    let pages: Vec<Page> = all_pages().into_iter().filter(|page| page.name.starts_with("docs/how-to/")).collect();
    let blocks: usize = pages.iter().map(|page| page.blocks("rust,ignore").count()).sum();

    let wrong: Vec<String> = pages.iter().flat_map(Page::strange_code).collect();

    assert!(blocks > 8, "{blocks}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn links_lead_somewhere() {
    let lost: Vec<String> = all_pages().iter().flat_map(Page::lost_links).collect();

    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn the_summary_lists_every_page_once() {
    let summary = Page::read("docs/SUMMARY.md");
    let listed: Vec<String> = summary.links().map(|link| format!("docs/{link}")).collect();
    let pages = all_pages();
    let there = pages.iter().map(|page| &page.name).filter(|name| name.starts_with("docs/") && **name != summary.name);

    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");
    assert_eq!(once, there.collect());
}

#[test]
fn every_question_to_the_server_is_answered() {
    let server = Server::start(FAST, &[]);
    let deadline = Instant::now() + PATIENCE;
    while !server.get("/metrics/realtime").body.contains("\"cpu.total\"") {
        assert!(Instant::now() < deadline, "there are no readings");
    }
    let pages = all_pages();
    let commands: Vec<&str> = pages
        .iter()
        .flat_map(|page| page.blocks("console"))
        .flat_map(str::lines)
        .filter(|line| line.contains("curl "))
        .collect();

    assert!(commands.len() > 8, "{commands:?}");
    for command in commands {
        let (_, rest) = command.split_once("http://127.0.0.1:8000").unwrap_or_else(|| panic!("no address: {command}"));
        let path = rest.split(['\'', ' ']).next().unwrap();
        let mut parameters = rest.split("--data-urlencode '").skip(1).map(encoded);
        let target = parameters.next().map_or_else(|| path.to_owned(), |parameter| format!("{path}?{parameter}"));
        assert_eq!(status(&server, &target), "200", "{command}");
    }
}

/// Encodes the value of a parameter as `curl --data-urlencode` does; the parameter ends at a quote.
fn encoded(parameter: &str) -> String {
    let (name, value) = parameter.split('\'').next().unwrap().split_once('=').unwrap();
    let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("{name}={value}")
}

/// Asks, and reads no more than the status: streams do not end.
fn status(server: &Server, target: &str) -> String {
    let mut stream = server.connect();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn settings_in_the_documentation_are_valid() {
    let pages = all_pages();
    let blocks: Vec<&str> = pages.iter().flat_map(|page| page.blocks("toml")).collect();

    assert!(!blocks.is_empty());
    for block in blocks {
        let output = common::run(block, &["check-config"]);
        assert_eq!(output.status.code(), Some(0), "{block}\n{}", common::stderr(&output));
    }
}

#[test]
fn examples_are_short_and_say_how_to_run_them() {
    for path in pages::files("examples", "rs") {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();

        assert!(
            text.starts_with("//! ") && text.contains(&format!("//! Run: `cargo run --example {name}`.")),
            "{name}"
        );
        assert!(text.lines().count() <= 80, "{name}");
        assert!(Page::read("README.md").text.contains(&format!("`{name}`")), "the README does not name {name}");
    }
}
