//! The settings of this crate: section `[server]` of `observe.toml`.

mod check;

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize, de};

pub use self::check::InvalidConfig;
use crate::Profile;

/// How the server listens, what it mounts, and where its limits are.
///
/// # Examples
///
/// ```
/// use observe_http::Config;
///
/// let config = Config::default();
///
/// assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 8000));
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The address or name to listen on.
    pub host: String,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Further addresses with ports: `0.0.0.0:8080`.
    pub extra_listeners: Vec<String>,
    /// The endpoint set that stands at the root.
    pub profile: Profile,
    /// Whether answers may show what went wrong inside.
    pub environment: Environment,
    /// The service's name in `GET /healthz`.
    pub service_name: String,
    /// Whether `/openapi.json` and `/docs` are mounted.
    pub openapi: bool,
    /// Whether invalid fields of root routes are reported in the shape that FastAPI has for them.
    pub fastapi_errors: bool,
    /// Threads that answer requests; 0 is one for each processor.
    pub worker_threads: usize,
    /// The most connections at one time; further ones wait to be accepted.
    pub max_connections: usize,
    /// The most requests at one time in one HTTP/2 connection.
    pub max_streams: u32,
    /// The most header fields of a request.
    pub max_headers: usize,
    /// The most bytes of a request's header.
    pub max_header_bytes: usize,
    /// The most bytes of a request's address.
    pub max_uri_bytes: usize,
    /// The most bytes of a request's body.
    pub max_body_bytes: usize,
    /// How long a new connection may say nothing.
    pub first_byte_timeout_ms: u64,
    /// How long a request's header may take, and how long a connection may rest between two requests.
    pub header_timeout_ms: u64,
    /// How long a request's body may take.
    pub body_timeout_ms: u64,
    /// How long an answer may take to be made.
    pub handler_timeout_ms: u64,
    /// How long a client may read nothing of its answer.
    pub write_timeout_ms: u64,
    /// From when on a request is logged as slow.
    pub slow_request_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 8000,
            extra_listeners: Vec::new(),
            profile: Profile::All,
            environment: Environment::Production,
            service_name: "monitoring-backend".into(),
            openapi: true,
            fastapi_errors: false,
            worker_threads: 0,
            max_connections: 10_000,
            max_streams: 128,
            max_headers: 64,
            max_header_bytes: 32 << 10,
            max_uri_bytes: 8 << 10,
            max_body_bytes: 1 << 20,
            first_byte_timeout_ms: 10_000,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            handler_timeout_ms: 30_000,
            write_timeout_ms: 30_000,
            slow_request_ms: 1_000,
        }
    }
}

impl Config {
    pub(crate) const fn first_byte_timeout(&self) -> Duration {
        Duration::from_millis(self.first_byte_timeout_ms)
    }

    pub(crate) const fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(crate) const fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) const fn handler_timeout(&self) -> Duration {
        Duration::from_millis(self.handler_timeout_ms)
    }

    pub(crate) const fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    pub(crate) const fn slow_request(&self) -> Duration {
        Duration::from_millis(self.slow_request_ms)
    }
}

/// What kind of place the server runs in. Complete by nature.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Environment {
    /// On a developer's machine.
    Development,
    /// For real: answers hide what went wrong inside.
    #[default]
    Production,
    /// In tests.
    Testing,
}

impl Environment {
    /// Every environment.
    pub const ALL: [Self; 3] = [Self::Development, Self::Production, Self::Testing];

    /// Returns `development`, `production` or `testing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
            Self::Testing => "testing",
        }
    }

    /// Returns whether answers may show what went wrong inside.
    #[must_use]
    pub const fn shows_internals(self) -> bool {
        !matches!(self, Self::Production)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    /// Reads a name in any case.
    fn from_str(name: &str) -> Result<Self, UnknownEnvironment> {
        let found = Self::ALL.into_iter().find(|environment| environment.as_str().eq_ignore_ascii_case(name));
        found.ok_or(UnknownEnvironment)
    }
}

/// Says that a name is not that of an [`Environment`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an environment: development, production or testing")]
pub struct UnknownEnvironment;

/// Lets a type travel through settings by its text form.
macro_rules! serde_by_text {
    ($type:ty) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

serde_by_text!(Environment);
serde_by_text!(Profile);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default() {
        let config: Config = toml::from_str("").unwrap();

        assert_eq!(config, Config::default());
    }

    #[test]
    fn names_are_read_in_any_case() {
        let config: Config = toml::from_str("profile = \"Analytics\"\nenvironment = \"DEVELOPMENT\"").unwrap();

        assert_eq!((config.profile, config.environment), (Profile::Analytics, Environment::Development));
    }

    #[test]
    fn unknown_keys_and_names_are_refused() {
        let key = toml::from_str::<Config>("prot = 8000").unwrap_err().to_string();
        let profile = toml::from_str::<Config>("profile = \"webhooks\"").unwrap_err().to_string();
        let environment = toml::from_str::<Config>("environment = \"staging\"").unwrap_err().to_string();

        assert!(key.contains("prot"), "{key}");
        assert!(profile.contains("all, analytics"), "{profile}");
        assert!(environment.contains("development"), "{environment}");
    }

    #[test]
    fn settings_survive_being_written_down() {
        let text = toml::to_string(&Config::default()).unwrap();

        assert_eq!(toml::from_str::<Config>(&text).unwrap(), Config::default());
    }
}
