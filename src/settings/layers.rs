//! Layers of settings, merged into one table that remembers where each value came from.

use std::{collections::BTreeMap, fmt, ops::Range, path::Path, sync::Arc};

use serde::Deserialize;
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{SettingsError, SettingsErrors};

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// A variable, by name.
    Environment(String),
    /// A place in a file, counted from one.
    File { path: Arc<Path>, line: usize, column: usize },
    /// A flag of the command line.
    Flag(&'static str),
}

impl Origin {
    /// Returns the file, variable or flag without the position in it.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(name) => f.write_str(name),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One table and the origins of what is in it. Later layers replace values of earlier ones; sections merge, lists do not.
#[derive(Debug)]
pub(crate) struct Layers {
    table: Table,
    origins: BTreeMap<String, Origin>,
}

impl Layers {
    /// Starts with the defaults, which also say what keys there are.
    pub(crate) const fn new(defaults: Table) -> Self {
        Self { table: defaults, origins: BTreeMap::new() }
    }

    /// Lays the content of a file on top. What does not fit stays as it was and is noted in `errors`.
    ///
    /// # Errors
    ///
    /// Refuses what is not TOML.
    pub(crate) fn add_file(
        &mut self,
        path: &Path,
        text: &str,
        errors: &mut SettingsErrors,
    ) -> Result<(), SettingsError> {
        let path: Arc<Path> = path.into();
        let at = |span: Option<Range<usize>>| position(&path, text, span.map_or(0, |span| span.start));
        let syntax = |error: &toml::de::Error| SettingsError::Syntax {
            origin: at(error.span()),
            problem: error.message().trim_end().replace('\n', ", "),
        };
        let document = DeTable::parse(text).map_err(|error| syntax(&error))?;
        let mut found = BTreeMap::new();
        note_origins("", document.get_ref(), &|offset| position(&path, text, offset), &mut found);
        let table = Table::deserialize(toml::Deserializer::from(document)).map_err(|error| syntax(&error))?;
        merge("", &mut self.table, table, &found, errors);
        self.origins.append(&mut found);
        Ok(())
    }

    /// Lays one value on top, under its dotted key.
    pub(crate) fn set(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), SettingsError> {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &mut self.table;
        for name in section.split('.').filter(|name| !name.is_empty()) {
            let inner = table.entry(name).or_insert_with(|| Table::new().into());
            let Some(inner) = inner.as_table_mut() else {
                let nearest = Some(section.to_owned());
                return Err(SettingsError::Unknown { key: key.to_owned(), origin, nearest, beside: Vec::new() });
            };
            table = inner;
        }
        table.insert(name.to_owned(), value);
        self.origins.insert(key.to_owned(), origin);
        Ok(())
    }

    /// Takes a key back to what it was in `defaults`, and says whether this changed anything.
    pub(crate) fn restore(&mut self, key: &str, defaults: &Table) -> bool {
        let key = key.split('[').next().unwrap_or_default();
        let default = value(defaults, key);
        if self.value(key) == default {
            return false;
        }
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut names = section.split('.').filter(|name| !name.is_empty());
        let Some(table) = names.try_fold(&mut self.table, |table, name| table.get_mut(name)?.as_table_mut()) else {
            return false;
        };
        match default {
            Some(default) => table.insert(name.to_owned(), default.clone()),
            None => table.remove(name),
        };
        true
    }

    /// Returns the value under a dotted key.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        value(&self.table, key)
    }

    /// Returns where a key was set, or for one that is not in the table, what is around it.
    pub(crate) fn origin(&self, key: &str) -> Origin {
        let mut prefix = key;
        loop {
            if let Some(origin) = self.origins.get(prefix) {
                return origin.clone();
            }
            if self.value(prefix).is_some() {
                return Origin::Default;
            }
            match prefix.rsplit_once(['.', '[']) {
                Some((shorter, _)) => prefix = shorter,
                None => return Origin::Default,
            }
        }
    }

    /// Returns the merged table.
    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }
}

/// Returns the value under a dotted key of a table.
pub(super) fn value<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut names = key.split('.');
    let first = table.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

/// Lists the dotted keys and values of a table, depth first; an empty section is listed as a value.
pub(crate) fn leaves(table: &Table) -> Vec<(String, &Value)> {
    fn walk<'a>(prefix: &str, table: &'a Table, into: &mut Vec<(String, &'a Value)>) {
        for (name, value) in table {
            let key = join(prefix, name);
            match value {
                Value::Table(inner) if !inner.is_empty() => walk(&key, inner, into),
                other => into.push((key, other)),
            }
        }
    }
    let mut found = Vec::new();
    walk("", table, &mut found);
    found
}

fn merge(
    prefix: &str,
    base: &mut Table,
    overlay: Table,
    origins: &BTreeMap<String, Origin>,
    errors: &mut SettingsErrors,
) {
    for (name, value) in overlay {
        let key = join(prefix, &name);
        match (base.get_mut(&name), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => merge(&key, inner, value, origins, errors),
            (Some(Value::Table(_)), other) => errors.push(SettingsError::Invalid {
                origin: origins.get(&key).cloned().unwrap_or(Origin::Default),
                problem: format!("expected a section, found {}", other.type_str()),
                key,
            }),
            (_, value) => {
                base.insert(name, value);
            }
        }
    }
}

fn note_origins(
    prefix: &str,
    table: &DeTable<'_>,
    position: &impl Fn(usize) -> Origin,
    into: &mut BTreeMap<String, Origin>,
) {
    for (name, value) in table {
        let key = join(prefix, name.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            note_origins(&key, inner, position, into);
        }
        into.insert(key, position(name.span().start));
    }
}

fn position(path: &Arc<Path>, text: &str, offset: usize) -> Origin {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    Origin::File { path: Arc::clone(path), line, column }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Layers {
        let defaults = toml::toml! {
            list = ["a", "b"]
            [server]
            host = "127.0.0.1"
            port = 8000
        };
        Layers::new(defaults)
    }

    fn file(layers: &mut Layers, text: &str) -> Result<(), String> {
        let mut errors = SettingsErrors::default();
        let added = layers.add_file(Path::new("observe.toml"), text, &mut errors);
        let first = added.err().map(|error| error.to_string()).or(errors.iter().next().map(ToString::to_string));
        first.map_or(Ok(()), Err)
    }

    #[test]
    fn a_file_replaces_values_and_keeps_the_rest() {
        let mut layers = layers();

        file(&mut layers, "# a comment\nlist = [\"c\"]\n[server]\n  port = 9000\n").unwrap();

        assert_eq!(layers.value("server.port"), Some(&Value::Integer(9000)));
        assert_eq!(layers.value("server.host"), Some(&Value::from("127.0.0.1")));
        assert_eq!(layers.value("list"), Some(&Value::from(vec!["c"])));
        assert_eq!(layers.origin("server.port").to_string(), "observe.toml:4:3");
        assert_eq!(layers.origin("server.host"), Origin::Default);
        assert_eq!(layers.origin("list").to_string(), "observe.toml:2:1");
    }

    #[test]
    fn what_is_not_in_the_table_comes_from_what_is_around_it() {
        let mut layers = layers();

        file(&mut layers, "list = [1]\n[server]\n").unwrap();

        assert_eq!(layers.origin("list[0]").to_string(), "observe.toml:1:1");
        assert_eq!(layers.origin("server.missing").to_string(), "observe.toml:2:2");
    }

    #[test]
    fn a_later_layer_wins_and_is_named() {
        let mut layers = layers();
        file(&mut layers, "server.port = 9000").unwrap();

        layers.set("server.port", 9001.into(), Origin::Environment("PORT".to_owned())).unwrap();
        layers.set("server.port", 9002.into(), Origin::Flag("--port")).unwrap();

        assert_eq!(layers.value("server.port"), Some(&Value::Integer(9002)));
        assert_eq!(layers.origin("server.port"), Origin::Flag("--port"));
    }

    #[test]
    fn nobodys_value_is_a_default() {
        assert_eq!(layers().origin("server.port"), Origin::Default);
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_with_its_position() {
        let error = file(&mut layers(), "[server]\nport = = 1\n").unwrap_err();

        assert!(error.starts_with("observe.toml:2:"), "{error}");
    }

    #[test]
    fn a_key_given_twice_is_refused() {
        let error = file(&mut layers(), "[server]\nport = 1\nport = 2\n").unwrap_err();

        assert!(error.starts_with("observe.toml:3:1: duplicate key"), "{error}");
    }

    #[test]
    fn a_value_in_the_place_of_a_section_is_refused() {
        let error = file(&mut layers(), "server = 5").unwrap_err();

        assert_eq!(error, "observe.toml:1:1: `server`: expected a section, found integer");
    }

    #[test]
    fn a_value_goes_back_to_its_default_once() {
        let (mut layers, defaults) = (layers(), layers().table);
        file(&mut layers, "list = [1]\n[server]\nport = 9000\nprot = 1\n").unwrap();

        for key in ["list[0]", "server.port", "server.prot"] {
            assert!(layers.restore(key, &defaults) && !layers.restore(key, &defaults), "{key}");
        }
        for key in ["server.host", "nothing.at.all", "", ".", "["] {
            assert!(!layers.restore(key, &defaults), "{key}");
        }
        assert_eq!(layers.table, defaults);
    }

    #[test]
    fn a_key_below_a_value_is_unknown() {
        let outcome = layers().set("server.port.deep", 1.into(), Origin::Flag("--x"));

        assert_eq!(outcome.unwrap_err().to_string(), "--x: unknown key `server.port.deep`");
    }

    #[test]
    fn leaves_are_dotted() {
        let layers = layers();

        let keys: Vec<String> = leaves(layers.table()).into_iter().map(|(key, _)| key).collect();

        assert_eq!(keys, ["list", "server.host", "server.port"]);
    }
}
