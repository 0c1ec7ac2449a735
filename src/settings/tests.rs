use std::{collections::BTreeSet, ffi::OsString};

use tempfile::TempDir;

use super::*;

const DEFAULTS: &str = include_str!("../../observe.toml");

/// Writes a file into a folder that lasts as long as the first part of what is returned.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("observe.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

fn load_text(
    text: &str,
    variables: &[(&str, &str)],
    flags: Vec<(&'static str, Value, &'static str)>,
) -> Result<Loaded, Only> {
    let (_folder, path) = file(text);
    load_unchecked(&Sources { file: FileSource::Named(&path), environment: &environment(variables), flags })
}

fn load_unchecked(sources: &Sources<'_>) -> Result<Loaded, Only> {
    load(sources, |_| Ok(())).map_err(|errors| {
        let mut errors = errors.iter();
        let error = errors.next().unwrap();
        assert!(errors.next().is_none(), "there is more than {error}");
        Only { message: error.to_string(), help: error.help() }
    })
}

/// The only thing that is wrong with settings.
#[derive(Debug)]
struct Only {
    message: String,
    help: String,
}

/// Returns all errors without the folder that the file happened to be in.
fn errors_of(
    text: &str,
    variables: &[(&str, &str)],
    check: impl Fn(&Loaded) -> Result<(), SettingsError>,
) -> Vec<String> {
    let (folder, path) = file(text);
    let environment = environment(variables);
    let sources = Sources { file: FileSource::Named(&path), environment: &environment, flags: Vec::new() };
    let folder = format!("{}/", folder.path().display());
    let errors = load(&sources, check).unwrap_err();
    errors.iter().map(|error| error.to_string().replace(&folder, "")).collect()
}

/// Returns the error without the folder that the file happened to be in, and its help.
fn error_of(text: &str) -> (String, String) {
    let Only { message, help } = load_text(text, &[], Vec::new()).unwrap_err();
    let start = message.find("observe.toml").unwrap_or(0);
    (message[start..].to_owned(), help)
}

fn origin_of(loaded: &Loaded, key: &str) -> String {
    let rows = loaded.rows();
    rows.iter().find(|(row, ..)| row == key).unwrap().2.to_string()
}

#[test]
fn the_shipped_file_says_exactly_the_defaults() {
    let shipped: Table = DEFAULTS.parse().unwrap();

    let lines = |table: &Table| -> BTreeSet<String> {
        leaves(table).into_iter().map(|(key, value)| format!("{key} = {value}")).collect()
    };
    let (shipped, defaults) = (lines(&shipped), lines(&defaults()));

    let only_shipped: Vec<_> = shipped.difference(&defaults).collect();
    let only_defaults: Vec<_> = defaults.difference(&shipped).collect();
    assert!(only_shipped.is_empty() && only_defaults.is_empty(), "file: {only_shipped:#?}, code: {only_defaults:#?}");
}

#[test]
fn the_shipped_file_explains_every_setting() {
    let mut previous = "";
    for line in DEFAULTS.lines() {
        let is_setting = !line.starts_with('#') && line.contains(" = ") && !line.starts_with(' ');
        if is_setting && previous.is_empty() {
            panic!("no comment above: {line}");
        }
        previous = line;
    }
}

#[test]
fn without_any_layer_settings_are_the_defaults() {
    let sources = Sources { file: FileSource::Search(&[]), environment: &environment(&[]), flags: Vec::new() };

    let loaded = load_unchecked(&sources).unwrap();

    assert_eq!(loaded.settings.server, observe::http::Config::default());
    assert!(loaded.file.is_none() && loaded.remarks.is_empty());
    assert!(loaded.rows().iter().all(|(.., origin)| *origin == Origin::Default));
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let text = "[server]\nport = 1\nhost = \"::1\"\nservice_name = \"file\"\n[log]\nlevel = \"warn\"";
    let variables = [("OBSERVE_SERVER__PORT", "2"), ("OBSERVE_SERVER__HOST", "::2")];

    let loaded = load_text(text, &variables, vec![("server.port", 3.into(), "--port")]).unwrap();

    let server = &loaded.settings.server;
    assert_eq!((server.port, server.host.as_str(), server.service_name.as_str()), (3, "::2", "file"));
    assert_eq!(origin_of(&loaded, "server.port"), "--port");
    assert_eq!(origin_of(&loaded, "server.host"), "OBSERVE_SERVER__HOST");
    assert!(origin_of(&loaded, "server.service_name").ends_with("observe.toml:4:1"));
    assert_eq!(origin_of(&loaded, "server.openapi"), "default");
}

#[test]
fn the_first_file_that_exists_is_read_and_no_other() {
    let (_one, first) = file("log.level = \"warn\"");
    let (_two, second) = file("this is not read");
    let absent = first.join("below-a-file");
    let paths = [&absent, &first, &second].map(|path| path.to_str().unwrap());

    let sources = Sources { file: FileSource::Search(&paths), environment: &environment(&[]), flags: Vec::new() };
    let loaded = load_unchecked(&sources).unwrap();

    assert_eq!(loaded.file, Some(first));
    assert_eq!(loaded.settings.log.level, telemetry::Level::Warn);
}

#[test]
fn a_file_that_was_named_must_exist() {
    let path = Path::new("/nowhere/observe.toml");
    let sources = Sources { file: FileSource::Named(path), environment: &environment(&[]), flags: Vec::new() };

    let error = load_unchecked(&sources).unwrap_err().message;

    assert!(error.starts_with("cannot read settings from /nowhere/observe.toml: "), "{error}");
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_its_neighbour() {
    let (error, help) = error_of("# settings\n[server]\nhost = \"::1\"\n  prot = 8000\n");

    assert_eq!(error, "observe.toml:4:3: unknown key `server.prot`");
    assert_eq!(help, "did you mean `server.port`?");
}

#[test]
fn an_unknown_key_without_a_neighbour_is_refused_with_the_keys_that_there_are() {
    let (error, help) = error_of("[store]\npath = \"a.db\"\n");

    assert_eq!(error, "observe.toml:2:1: unknown key `store.path`");
    assert_eq!(help, "section `store` has the keys commit_interval_seconds, retention, slot_points, url");
}

#[test]
fn an_unknown_section_is_refused_as_a_whole() {
    let (error, help) = error_of("[servr]\nport = 1\n");

    assert_eq!((error.as_str(), help.as_str()), ("observe.toml:1:2: unknown key `servr`", "did you mean `server`?"));
}

#[test]
fn an_unknown_variable_is_refused_with_its_neighbour() {
    let error = load_text("", &[("OBSERVE_SERVER__HOSTS", "::1")], Vec::new()).unwrap_err();

    assert_eq!(error.message, "OBSERVE_SERVER__HOSTS: unknown key `server.hosts`");
    assert_eq!(error.help, "did you mean `server.host`?");
}

#[test]
fn a_section_that_is_not_built_yet_says_so() {
    let (error, help) = error_of("[tls]\ncert = \"/cert.pem\"\n");

    assert_eq!(error, "observe.toml:1:2: unknown key `tls`");
    assert!(help.contains("not built yet"), "{help}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_line() {
    let (error, help) = error_of("[server]\nport = \"eighty\"\n");

    assert!(error.starts_with("observe.toml:2:1: `server.port`: invalid type: string"), "{error}");
    assert!(help.starts_with("change or remove `server.port`"), "{help}");
}

#[test]
fn values_out_of_range_are_refused() {
    for (text, key) in [
        ("server.port = 70000", "server.port"),
        ("server.port = -1", "server.port"),
        ("server.profile = \"everything\"", "server.profile"),
        ("memory.max_bytes = 1.5", "memory.max_bytes"),
        ("log.level = \"loud\"", "log.level"),
        ("ml.detectors = [1]", "ml.detectors[0]"),
    ] {
        let (error, _) = error_of(text);

        assert!(error.starts_with("observe.toml:1:") && error.contains(&format!(": `{key}`: ")), "{error}");
    }
}

#[test]
fn a_variable_out_of_range_is_refused_by_its_name() {
    let error = load_text("", &[("PORT", "70000")], Vec::new()).unwrap_err();

    assert!(error.message.starts_with("PORT: `server.port`: "), "{error:?}");
}

#[test]
fn an_unknown_section_of_a_variable_is_refused_by_its_name() {
    let error = load_text("", &[("OBSERVE_A__B", "2")], Vec::new()).unwrap_err();

    assert_eq!(error.message, "OBSERVE_A__B: unknown key `a`");
}

#[test]
fn messages_say_what_is_expected_in_words() {
    for (text, expected) in [
        ("server.port = 70000", "expected a whole number between 0 and 65535"),
        ("server.max_streams = -1", "expected a whole number between 0 and 4294967295"),
        ("server.max_connections = -1", "expected a whole number, 0 or more"),
        ("server.body_timeout_ms = true", "expected a whole number, 0 or more"),
        ("ml.zscore.threshold = \"high\"", "expected a number"),
        ("ml.detectors = 1", "expected a list"),
    ] {
        let (error, _) = error_of(text);

        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn memory_has_a_floor_and_a_ceiling() {
    let problem = |max_bytes| MemoryConfig { max_bytes }.problem();

    for bad in [0, 1, (8 << 20) - 1, (1 << 40) + 1, usize::MAX] {
        assert!(problem(bad).is_some_and(|problem| problem.contains(&bad.to_string())), "{bad}");
    }
    assert!(problem(8 << 20).is_none() && problem(1 << 40).is_none() && MemoryConfig::default().problem().is_none());
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let (_folder, path) = file("");
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    let sources = Sources { file: FileSource::Named(&path), environment: &environment(&[]), flags: Vec::new() };

    let error = load_unchecked(&sources).unwrap_err().message;

    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn the_profile_in_force_decides_between_documents() {
    let variables = [("PORT", "1"), ("FASTAPI_PORT", "2"), ("OBSERVE_PROFILE", "analytics")];

    let error = load_text("", &variables, Vec::new()).unwrap_err();

    assert_eq!(error.message, "FASTAPI_PORT and PORT set `server.port` to different values");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "servr.x = 1\nlog = 3\n[server]\nport = 70000\nhots = 1\nmax_streams = -1\n[memory]\nmax_bytes = 1\n[ml]\ndetectors = [1, 2]\n";
    let variables =
        [("OBSERVE_LOG__LEVEL", "loud"), ("OBSERVE_SERVER__OPENAPI", "maybe"), ("OBSERVE_MEMORY__MAX", "1")];

    let errors = errors_of(text, &variables, |loaded| match loaded.settings.memory.problem() {
        Some(problem) => Err(loaded.invalid("memory.max_bytes", problem)),
        None => Ok(()),
    });

    let mut starts: Vec<&str> = errors.iter().map(|error| error.split(": ").next().unwrap()).collect();
    starts.sort_unstable();
    let expected = [
        "OBSERVE_LOG__LEVEL",
        "OBSERVE_MEMORY__MAX",
        "OBSERVE_SERVER__OPENAPI",
        "observe.toml:10:1",
        "observe.toml:1:1",
        "observe.toml:2:1",
        "observe.toml:4:1",
        "observe.toml:5:1",
        "observe.toml:6:1",
        "observe.toml:8:1",
    ];
    assert_eq!(starts, expected, "{errors:#?}");
}

#[test]
fn a_key_that_cannot_be_taken_back_ends_the_search() {
    let errors = errors_of("\"a.b\" = 1\n[server]\nport = -1\n", &[], |_| Ok(()));
    let endless = errors_of("", &[], |loaded| Err(loaded.invalid("server", "never")));

    assert_eq!(errors, ["observe.toml:1:1: unknown key `a`"]);
    assert_eq!(endless.len(), 1, "{endless:?}");
}

#[test]
fn only_so_many_errors_are_listed() {
    let text: String = (0..30).map(|number| format!("unknown_{number} = 1\n")).collect();
    let (_folder, path) = file(&text);
    let sources = Sources { file: FileSource::Named(&path), environment: &environment(&[]), flags: Vec::new() };

    let errors = load(&sources, |_| Ok(())).unwrap_err();

    assert_eq!((errors.iter().count(), errors.left_out()), (20, 10));
}

#[test]
fn every_default_can_be_said_in_the_environment() {
    let defaults = defaults();
    for (key, value) in leaves(&defaults) {
        let name = format!("OBSERVE_{}", key.to_ascii_uppercase().replace('.', "__"));
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);

        let loaded = load_text("", &[(&name, &text)], Vec::new());

        assert!(loaded.is_ok(), "{name}={text}: {loaded:?}");
    }
}
