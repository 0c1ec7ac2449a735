//! Commands beside a running server.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    Folder,
    common::{Server, stderr, stdout},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a server that stores often in the `demo.db` of a folder.
fn serve(folder: &Folder) -> Server {
    let path = folder.path().join("demo.db").display().to_string();
    let store = format!("[store]\nurl = {path:?}\ncommit_interval_seconds = 0.1\n");
    Server::start(&format!("{store}[collectors.cpu]\ninterval_seconds = 0.2\n"), &[])
}

/// Asks until there is an answer.
fn eventually(folder: &Folder, arguments: &[&str]) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = folder.run(arguments);
        if output.status.code() == Some(0) {
            return stdout(&output).to_owned();
        }
        assert!(Instant::now() < deadline, "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn reading_works_beside_a_server_and_writing_does_not() {
    let folder = Folder::empty();
    let server = serve(&folder);

    let local = eventually(&folder, &["query", "cpu.time{state=user}", "--step", "0", "--format", "csv"]);

    assert!(local.lines().count() > 1, "{local}");
    assert!(folder.done(&["store", "stats"]).contains("sqlite"));
    assert!(folder.done(&["store", "check"]).contains("nothing is damaged"));
    assert!(folder.done(&["store", "export"]).contains("\"producer\":\"cpu\""));
    folder.done(&["store", "copy", "--to", "copy.db"]);
    assert!(folder.done(&["store", "export", "--db", "copy.db"]).contains("\"producer\":\"cpu\""));
    folder.write("a.om", "# EOF\n");
    let refused = folder.failed(&["store", "import", "a.om"], 1);
    assert!(refused.contains("already in use by process") && refused.contains("stop the server"), "{refused}");
    folder.failed(&["seed-demo", "--force"], 1);
    drop(server);
}

#[test]
fn a_server_answers_like_its_store() {
    let folder = Folder::empty();
    let server = serve(&folder);
    let url = format!("http://{}", server.address);

    let remote = eventually(&folder, &["query", "cpu.count", "--url", &url, "--step", "1m", "--json"]);
    let table = folder.done(&["query", "cpu.count", "--url", &url, "--step", "1m"]);

    let remote: Value = serde_json::from_str(&remote).unwrap();
    assert_eq!((&remote["series"][0]["metric_key"], &remote["series"][0]["step"]), (&"cpu.count".into(), &60.into()));
    assert!(table.starts_with("METRIC_KEY"), "{table}");
    assert!(folder.failed(&["query", "no.such", "--url", &url], 1).contains("no points"));
    assert!(folder.failed(&["query", "cpu.count", "--url", &url, "--step", "500ms"], 1).contains("whole seconds"));
    let far = ["query", "cpu.count", "--url", &url, "--range", "900d", "--step", "1s"];
    assert!(folder.failed(&far, 1).contains("it answers 422"));
}

#[test]
fn servers_that_cannot_be_asked_say_why() {
    let folder = Folder::empty();

    let gone = folder.failed(&["query", "a", "--url", "http://127.0.0.1:1"], 3);
    let secure = folder.failed(&["query", "a", "--url", "https://127.0.0.1:1"], 1);

    let short = folder.failed(&["query", "a", "--url", "127.0.0.1:1"], 3);
    assert!(gone.contains("cannot ask http://127.0.0.1:1") && short == gone, "{gone}");
    assert!(secure.contains("only http://HOST:PORT"), "{secure}");
}
