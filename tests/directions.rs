//! Which crate may import which, proven on what cargo resolved.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// The normal dependencies of each member.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap();
            let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
            (text(&package["name"]), normal.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

fn ours(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).filter(|name| name.starts_with("observe")).collect()
}

#[test]
fn core_imports_no_sibling() {
    assert_eq!(ours(&dependencies()["observe-core"]), [""; 0]);
}

#[test]
fn siblings_import_core_only() {
    let dependencies = dependencies();
    let siblings: Vec<_> = dependencies.iter().filter(|(name, _)| !ROOTS.contains(&name.as_str())).collect();

    assert!(siblings.len() >= 4, "{siblings:?}");
    for (name, imports) in siblings {
        assert_eq!(ours(imports), ["observe-core"], "{name}");
    }
}

#[test]
fn the_root_imports_every_member() {
    let dependencies = dependencies();

    for member in dependencies.keys().filter(|name| !["observe-engine", "observe-py"].contains(&name.as_str())) {
        assert!(dependencies["observe-engine"].contains(member), "{member}");
    }
}

#[test]
fn a_heavy_dependency_has_one_owner() {
    for (heavy, owner) in
        [("axum", "observe-http"), ("hyper", "observe-http"), ("clap", "observe-engine"), ("toml", "observe-engine")]
    {
        for (member, imports) in dependencies() {
            assert!(member == owner || !imports.contains(&heavy.to_owned()), "{member} imports {heavy}");
        }
    }
}

/// Core itself, and those that import more than core.
const ROOTS: [&str; 3] = ["observe-core", "observe-engine", "observe-py"];
