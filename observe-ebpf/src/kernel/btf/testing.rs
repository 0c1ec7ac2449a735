//! Descriptions for tests.

use std::{fs, path::PathBuf};

use super::draft::Draft;

/// Writes a description: types, each as words, and names, to which types refer by offsets, the first at offset 1.
pub(super) fn description(types: &[&[u32]], names: &[&str]) -> Vec<u8> {
    let mut draft = Draft::new();
    draft.types = types.concat();
    for name in names {
        draft.name(name.as_bytes()).unwrap();
    }
    draft.finish().unwrap()
}

/// Returns how some kernel lays out what the committed programs read.
pub(super) fn fixture() -> Vec<u8> {
    fs::read(folder("tests/fixtures/btf/6.18-x86_64.btf")).unwrap()
}

/// Returns the names and bytes of the committed objects.
pub(super) fn objects() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder("bpf/objects")).unwrap().map(|entry| entry.unwrap().path());
    let objects = entries.filter(|path| path.extension().is_some_and(|end| end == "o"));
    objects.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
