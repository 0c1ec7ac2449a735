//! Where a database is.

use std::{fmt, path::PathBuf, str::FromStr};

use observe_core::StoreError;
use sqlx::postgres::PgConnectOptions;

use super::Dialect;

/// Where a database is, read from `store.url`. Its text forms never have the password.
#[derive(Clone)]
pub(crate) enum Address {
    /// A server, and how to log in.
    Postgres(Box<PgConnectOptions>),
    /// A file.
    Sqlite(PathBuf),
}

impl Address {
    /// Returns which database it is.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }
}

impl FromStr for Address {
    type Err = StoreError;

    /// Reads a path, `sqlite:PATH`, `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    fn from_str(url: &str) -> Result<Self, StoreError> {
        let Some((scheme, rest)) = url.split_once(':') else { return sqlite(url) };
        match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" if rest.starts_with("//") => postgres(url),
            "sqlite" => sqlite_url(rest),
            scheme @ ("file" | "postgres" | "postgresql") => Err(refused(scheme, &format!("only {ALLOWED}"))),
            scheme if rest.starts_with("//") => Err(refused(scheme, &format!("only {ALLOWED}"))),
            _ => sqlite(url),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                write!(f, "postgres://{}@", options.get_username())?;
                match options.get_socket() {
                    Some(socket) => write!(f, "{}", socket.display())?,
                    None => write!(f, "{}", options.get_host())?,
                }
                write!(f, ":{}/{database}", options.get_port())
            }
            Self::Sqlite(path) => path.display().fmt(f),
        }
    }
}

/// Reads what follows `sqlite:`. Programs do not agree on whether a path after three slashes is a relative one.
fn sqlite_url(rest: &str) -> Result<Address, StoreError> {
    match rest.strip_prefix("//") {
        Some(path) if path.starts_with("//") => sqlite(path.get(1..).unwrap_or_default()),
        Some(path) if path.starts_with('/') => Err(refused(
            "sqlite",
            "to some programs what follows three slashes begins at the root, to others it does not: write sqlite:PATH \
             or sqlite:/PATH",
        )),
        Some(path) => sqlite(path),
        None => sqlite(rest),
    }
}

fn sqlite(path: &str) -> Result<Address, StoreError> {
    match path {
        "" | ":memory:" => Err(refused("sqlite", &format!("the path of a file is missing: {ALLOWED}"))),
        path if path.eq_ignore_ascii_case("memory") => {
            Err(refused("sqlite", "memory, in small letters and without sqlite:, keeps nothing; a file is ./memory"))
        }
        // SQLite would take it for a URI, and so for another file than the one that is locked.
        path if path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("file:")) => {
            Err(refused("sqlite", &format!("a path does not begin with file:, and only {ALLOWED}")))
        }
        path if path.contains('?') => Err(refused("sqlite", "the path of a file takes no parameters")),
        path => Ok(Address::Sqlite(path.into())),
    }
}

fn postgres(url: &str) -> Result<Address, StoreError> {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let names = parameters.split('&').map(|parameter| parameter.split_once('=').map_or(parameter, |(name, _)| name));
    let is_known = |name: &str| name.is_empty() || name.starts_with("options") || PARAMETERS.contains(&name);
    if let Some(unknown) = names.into_iter().find(|name| !is_known(name)) {
        return Err(refused(
            "postgres",
            &format!("{unknown:?} is not one of its parameters: {}", PARAMETERS.join(", ")),
        ));
    }
    let parsed: Result<PgConnectOptions, sqlx::Error> = url.parse();
    match parsed {
        Ok(options) => Ok(Address::Postgres(Box::new(options))),
        Err(sqlx::Error::Configuration(reason)) => Err(refused("postgres", &format!("the url is not one: {reason}"))),
        Err(_) => Err(refused("postgres", "the url is not one")),
    }
}

/// Names no more of a url than its scheme: what follows may hold a password.
fn refused(scheme: &str, reason: &str) -> StoreError {
    StoreError::Refused { store: format!("the store {scheme}:…"), reason: reason.to_owned() }
}

const ALLOWED: &str = "PATH, sqlite:PATH, postgres://USER:PASSWORD@HOST:PORT/DATABASE and memory can be used";
/// What may follow the question mark.
const PARAMETERS: [&str; 13] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_with_and_without_a_scheme() {
        for url in ["data/observe.db", "sqlite:data/observe.db", "sqlite://data/observe.db"] {
            let address: Address = url.parse().unwrap();

            assert_eq!((address.dialect(), address.to_string().as_str()), (Dialect::Sqlite, "data/observe.db"));
        }
        for url in ["/var/o.db", "sqlite:/var/o.db", "SQLite:/var/o.db", "sqlite:////var/o.db"] {
            assert_eq!(url.parse::<Address>().unwrap().to_string(), "/var/o.db");
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        for url in [
            "postgres://ann:s3cret@db.example:5433/observe",
            "postgresql://ann@db.example:5433/observe?password=s3cret&sslmode=disable",
        ] {
            let address: Address = url.parse().unwrap();

            assert_eq!(address.to_string(), "postgres://ann@db.example:5433/observe");
            assert_eq!(format!("{address:?}"), address.to_string());
        }
    }

    #[test]
    fn sockets_are_named_by_their_directory() {
        let address: Address = "postgres://ann@%2Frun%2Fpg:5432/observe".parse().unwrap();

        assert_eq!(address.to_string(), "postgres://ann@/run/pg:5432/observe");
    }

    #[test]
    fn anything_else_is_refused_without_a_password_in_the_text() {
        for url in [
            "",
            ":memory:",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:o.db?mode=s3cret",
            "sqlite:///o.db",
            "file:o.db",
            "File:///o.db?s3cret",
            "sqlite:file:o.db",
            "memory",
            "Memory",
            "sqlite:MEMORY",
            "postgres:/ann:s3cret@db",
            "postgresql:s3cret",
            "mysql://ann:s3cret@db/observe",
            "postgres://ann:s3cret@db:port/observe",
            "postgres://ann@db/observe?passwort=s3cret",
            "postgres://ann:s3cret@db/observe?sslmode=maybe",
        ] {
            let error = url.parse::<Address>().unwrap_err();

            assert!(matches!(error, StoreError::Refused { .. }), "{url}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
        for url in ["", "file:o.db", "mysql://db", "postgres:db"] {
            let text = url.parse::<Address>().unwrap_err().to_string();
            assert!(text.contains("sqlite:PATH") && text.contains("memory can be used"), "{text}");
        }
    }
}
