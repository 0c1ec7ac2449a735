//! The pages of the documentation, and what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of Markdown.
pub(crate) struct Page {
    /// Its path from the root of the repository.
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), text }
    }

    /// Walks over the content of blocks in a language.
    pub(crate) fn blocks(&self, language: &str) -> impl Iterator<Item = &str> {
        let parts = self.text.split("```").enumerate();
        let blocks = parts.filter(|(number, _)| number % 2 == 1).filter_map(|(_, block)| block.split_once('\n'));
        blocks.filter(move |(first, _)| *first == language).map(|(_, content)| content)
    }

    /// Walks over the targets of links, those within code left out.
    pub(crate) fn links(&self) -> impl Iterator<Item = &str> {
        let prose = self.text.split("```").step_by(2).flat_map(|part| part.split('`').step_by(2));
        // A link around code begins before it and ends after it, so the target is looked for alone.
        prose.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| Some(rest.split_once(')')?.0))
    }

    /// Returns blocks of Rust that do not stand in the file which the comment above them names.
    pub(crate) fn strange_code(&self) -> Vec<String> {
        let parts: Vec<&str> = self.text.split("```").collect();
        let blocks = parts.chunks_exact(2).filter(|pair| pair[1].starts_with("rust"));
        let is_strange = |pair: &&[&str]| {
            let source = pair[0].trim_end().rsplit_once("<!-- from ").and_then(|(_, rest)| rest.strip_suffix(" -->"));
            let file = source.and_then(|path| fs::read_to_string(root().join(path)).ok()).unwrap_or_default();
            !has_lines(&file, pair[1].split_once('\n').unwrap_or_default().1)
        };
        blocks.filter(is_strange).map(|pair| format!("{}: {}", self.name, pair[1])).collect()
    }

    /// Returns links that lead nowhere.
    pub(crate) fn lost_links(&self) -> Vec<String> {
        let folder = Path::new(&self.name).parent().unwrap();
        let inside = self.links().filter(|link| !link.contains("://"));
        let lost = inside.filter(|link| !is_there(folder, &self.name, link));
        lost.map(|target| format!("{}: {target}", self.name)).collect()
    }

    /// Returns whether a heading has this anchor.
    fn has_anchor(&self, anchor: &str) -> bool {
        self.text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line.trim_start_matches('#')) == anchor)
    }
}

/// Reads the book, the READMEs and what stands beside them.
pub(crate) fn all_pages() -> Vec<Page> {
    let book = files("docs", "md");
    let members =
        ["core", "collectors", "http", "ml", "store"].map(|member| root().join(format!("observe-{member}/README.md")));
    let top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    let names = book.into_iter().chain(members).chain(top);
    names.map(|path| Page::read(path.strip_prefix(root()).unwrap().to_str().unwrap())).collect()
}

/// Lists the files below a folder that end so.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_there(folder: &Path, page: &str, link: &str) -> bool {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { PathBuf::from(page) } else { folder.join(path) };
    root().join(&target).exists() && (anchor.is_empty() || Page::read(target.to_str().unwrap()).has_anchor(anchor))
}

/// Returns whether a file has these lines one after the other, however deep they stand in it.
fn has_lines(file: &str, block: &str) -> bool {
    let (lines, wanted): (Vec<&str>, Vec<&str>) = (file.lines().collect(), block.lines().collect());
    !wanted.is_empty()
        && lines.windows(wanted.len()).any(|window| {
            let indent = window[0].strip_suffix(wanted[0]).filter(|indent| indent.trim().is_empty());
            let is_same = |(line, wanted): (&&str, &&str)| match indent {
                Some(indent) => line.strip_prefix(indent).unwrap_or(line) == *wanted,
                None => false,
            };
            window.iter().zip(&wanted).all(is_same)
        })
}

/// Makes the anchor that a heading gets.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
