use toml::Table;

use super::*;
use crate::settings::layers::Layers;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

fn layers() -> Layers {
    let defaults: Table = toml::toml! {
        [ebpf]
        mode = "auto"
        [log]
        level = "info"
        format = "text"
        [ml]
        detectors = ["zscore"]
        [ml.zscore]
        threshold = 3.0
        [server]
        host = "127.0.0.1"
        port = 8000
        profile = "all"
        environment = "production"
        openapi = true
        worker_threads = 0
    };
    Layers::new(defaults)
}

fn applied(variables: &[(&str, &str)]) -> Result<(Layers, Vec<String>), String> {
    let mut layers = layers();
    let remarks = apply(&environment(variables), &mut layers, "all")?;
    Ok((layers, remarks))
}

/// Returns the remarks, or the first error.
fn apply(environment: &Environment, layers: &mut Layers, profile: &str) -> Result<Vec<String>, String> {
    let mut errors = SettingsErrors::default();
    let remarks = environment.apply(layers, profile, &mut errors);
    errors.or(remarks).map_err(|errors| first(&errors))
}

fn first(errors: &SettingsErrors) -> String {
    errors.iter().next().unwrap().to_string()
}

fn value(variables: &[(&str, &str)], key: &str) -> Value {
    let (layers, _) = applied(variables).unwrap();
    layers.value(key).unwrap().clone()
}

#[test]
fn canonical_names_reach_every_depth() {
    assert_eq!(value(&[("OBSERVE_SERVER__PORT", "9000")], "server.port"), Value::Integer(9000));
    assert_eq!(value(&[("OBSERVE_ML__ZSCORE__THRESHOLD", "4")], "ml.zscore.threshold"), Value::Float(4.0));
}

#[test]
fn the_origin_is_the_name_that_was_used() {
    let (layers, _) = applied(&[("FASTAPI_PORT", "9000"), ("OBSERVE_SERVER__HOST", "::1")]).unwrap();

    assert_eq!(layers.origin("server.port"), Origin::Environment("FASTAPI_PORT".to_owned()));
    assert_eq!(layers.origin("server.host"), Origin::Environment("OBSERVE_SERVER__HOST".to_owned()));
    assert_eq!(layers.origin("log.level"), Origin::Default);
}

#[test]
fn canonical_names_win_over_those_of_documents() {
    let variables = [("OBSERVE_SERVER__PORT", "1"), ("PORT", "2")];

    assert_eq!(value(&variables, "server.port"), Value::Integer(1));
}

#[test]
fn the_empty_string_counts_as_unset() {
    let variables = [("OBSERVE_SERVER__PORT", ""), ("FASTAPI_PORT", ""), ("PORT", "9")];

    assert_eq!(value(&variables, "server.port"), Value::Integer(9));
}

#[test]
fn booleans_have_many_spellings() {
    for text in ["true", "1", "YES", "On"] {
        assert_eq!(value(&[("OBSERVE_SERVER__OPENAPI", text)], "server.openapi"), Value::Boolean(true));
    }
    for text in ["false", "0", "No", "OFF"] {
        assert_eq!(value(&[("OBSERVE_SERVER__OPENAPI", text)], "server.openapi"), Value::Boolean(false));
    }
}

#[test]
fn lists_are_toml_or_separated_by_commas() {
    let expected = Value::from(vec!["trend", "zscore"]);

    for text in ["trend, zscore", "trend,zscore,", "[\"trend\", 'zscore']"] {
        assert_eq!(value(&[("OBSERVE_ML__DETECTORS", text)], "ml.detectors"), expected, "{text}");
    }
}

#[test]
fn text_of_the_wrong_kind_is_refused_by_name() {
    for (variable, text) in [
        ("OBSERVE_SERVER__PORT", "eighty"),
        ("OBSERVE_SERVER__OPENAPI", "maybe"),
        ("OBSERVE_ML__ZSCORE__THRESHOLD", "3,5"),
        ("OBSERVE_ML__DETECTORS", "[\"zscore\""),
        ("OBSERVE_SERVER__PORT__LOW", "1"),
        ("OBSERVE_ML__ZSCORE", "on"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("DEBUG", "notabool"),
        ("EBPF_ENABLED", "perhaps"),
        ("OBSERVE_A__", "2"),
        ("OBSERVE___", "2"),
        ("OBSERVE_SERVER____PORT", "2"),
        ("OBSERVE_SERVER", "1"),
    ] {
        let error = applied(&[(variable, text)]).unwrap_err();

        assert!(error.starts_with(variable), "{error}");
    }
}

#[test]
fn the_documents_names_of_tracing_choose_its_mode() {
    for (variables, expected) in [
        (&[("EBPF_ENABLED", "true")][..], "auto"),
        (&[("EBPF_ENABLED", "0")], "off"),
        (&[("EBPF_MOCK_MODE", "true"), ("EBPF_ENABLED", "true")], "simulated"),
        (&[("EBPF_MOCK_MODE", "true"), ("EBPF_ENABLED", "no")], "off"),
        (&[("EBPF_MOCK_MODE", "false")], "auto"),
        (&[("EBPF_MOCK_MODE", "true"), ("OBSERVE_EBPF__MODE", "kernel")], "kernel"),
    ] {
        assert_eq!(value(variables, "ebpf.mode"), Value::from(expected), "{variables:?}");
    }
}

#[cfg(unix)]
#[test]
fn text_that_is_not_utf8_is_refused_where_it_matters() {
    use std::os::unix::ffi::OsStringExt;

    let bytes = || OsString::from_vec(vec![0xff]);

    let ours = Environment::new([("OBSERVE_SERVER__HOST".into(), bytes())]);
    let ours = apply(&ours, &mut layers(), "all");
    let other = Environment::new([("LS_COLORS".into(), bytes()), (bytes(), bytes())]);
    let other = apply(&other, &mut layers(), "all");

    assert_eq!(ours.unwrap_err(), "OBSERVE_SERVER__HOST: `OBSERVE_SERVER__HOST`: is not UTF-8");
    assert!(other.unwrap().is_empty());
}

#[test]
fn documents_that_disagree_are_both_named() {
    let error = applied(&[("PORT", "1"), ("FASTAPI_PORT", "2")]).unwrap_err();

    assert_eq!(error, "FASTAPI_PORT and PORT set `server.port` to different values");
}

#[test]
fn documents_that_agree_in_other_spelling_are_fine() {
    let variables = [("FASTAPI_ENV", "Production"), ("ENVIRONMENT", "production"), ("FASTAPI_HOST", "LOCALHOST")];

    let (layers, _) = applied(&[&variables[..], &[("HOST", "localhost"), ("PORT", "09001")]].concat()).unwrap();

    assert_eq!(layers.value("server.port"), Some(&Value::Integer(9001)));
    assert_eq!(value(&[("PORT", "09001"), ("FASTAPI_PORT", "9001")], "server.port"), Value::Integer(9001));
    assert!(applied(&[("FASTAPI_ENV", "testing"), ("ENVIRONMENT", "production")]).is_err());
}

#[test]
fn a_section_given_a_value_is_refused_with_the_form_that_sets_one() {
    let section = applied(&[("OBSERVE_SERVER", "1")]).unwrap_err();
    let inner = applied(&[("OBSERVE_ML__ZSCORE", "on")]).unwrap_err();

    assert_eq!(section, "OBSERVE_SERVER: `server`: is a section; its values are set as OBSERVE_SERVER__KEY");
    assert_eq!(inner, "OBSERVE_ML__ZSCORE: `ml.zscore`: is a section; its values are set as OBSERVE_ML__ZSCORE__KEY");
}

#[test]
fn documents_that_agree_are_fine() {
    assert_eq!(value(&[("PORT", "1"), ("FASTAPI_PORT", "1")], "server.port"), Value::Integer(1));
}

#[test]
fn the_active_profile_decides_between_documents() {
    for (profile, port) in [("webhooks", 1), ("observer-eye", 2)] {
        let mut layers = layers();

        apply(&environment(&[("PORT", "1"), ("FASTAPI_PORT", "2")]), &mut layers, profile).unwrap();

        assert_eq!(layers.value("server.port"), Some(&Value::Integer(port)), "{profile}");
    }
}

#[test]
fn names_without_effect_are_remarked_on_once() {
    let (_, remarks) = applied(&[("REDIS_URL", "redis://"), ("ADMIN_TOKEN", "true"), ("PATH", "/bin")]).unwrap();

    assert_eq!(
        remarks,
        [
            "ADMIN_TOKEN has no effect: `auth.admin_token` is not built yet",
            "REDIS_URL has no effect: the bus is in process"
        ]
    );
}

#[test]
fn a_single_underscore_is_noticed() {
    let (layers, remarks) = applied(&[("OBSERVE_SERVER_PORT", "9000"), ("OBSERVE_CI_CACHE", "/x")]).unwrap();

    assert_eq!(remarks, ["OBSERVE_SERVER_PORT has no effect: did you mean OBSERVE_SERVER__PORT?"]);
    assert_eq!(layers.value("server.port"), Some(&Value::Integer(8000)));
}

#[test]
fn production_refuses_debugging_and_protections_that_are_missing() {
    for (variable, text) in [("DEBUG", "true"), ("SSL_CERTFILE", "/cert.pem"), ("ADMIN_TOKEN", "secret")] {
        let error = environment(&[(variable, text)]).check_production().map_err(|errors| first(&errors)).unwrap_err();

        assert!(error.starts_with(variable), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(environment(&[("DEBUG", "off"), ("REDIS_URL", "x"), ("DATABASE_URL", "x")]).check_production().is_ok());
}

#[test]
fn names_are_listed_once() {
    let mut names: Vec<&str> = NAMES.iter().map(|name| name.variable).collect();
    names.sort_unstable();
    let listed = names.len();

    names.dedup();

    assert_eq!(names.len(), listed);
}

#[test]
fn names_that_set_a_key_name_one_that_exists() {
    let defaults = crate::settings::defaults();

    for name in NAMES {
        if let Effect::Sets(key) = name.effect {
            assert!(crate::settings::value(&defaults, key).is_some(), "{} sets `{key}`", name.variable);
        }
    }
}
