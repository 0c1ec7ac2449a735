//! Refuses settings that cannot work, before anything starts.

use std::net::SocketAddr;

use super::Config;

/// Says which setting cannot be used, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// A further address is no address with a port.
    #[error("server.extra_listeners has {value:?}: write an address with a port, such as 0.0.0.0:8080 or [::]:8080")]
    Address {
        /// What stands there.
        value: String,
    },
    /// There is no address to listen on.
    #[error("server.host is empty: set it to an address or a name, such as 127.0.0.1")]
    Host,
    /// A number is outside its range.
    #[error("{key} is {value}: set it to {least} to {most}")]
    Range {
        /// The setting.
        key: &'static str,
        /// What it is set to.
        value: u64,
        /// The least it can be.
        least: u64,
        /// The most it can be.
        most: u64,
    },
}

impl InvalidConfig {
    /// Returns the setting with its section: `server.max_connections`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Address { .. } => "server.extra_listeners",
            Self::Host => "server.host",
            Self::Range { key, .. } => key,
        }
    }
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// Names the first setting that cannot be used.
    ///
    /// # Examples
    ///
    /// ```
    /// use observe_http::Config;
    ///
    /// let mut config = Config::default();
    /// assert!(config.check().is_ok());
    ///
    /// config.max_connections = 0;
    /// assert_eq!(config.check().unwrap_err().key(), "server.max_connections");
    /// ```
    pub fn check(&self) -> Result<(), InvalidConfig> {
        if self.host.trim().is_empty() {
            return Err(InvalidConfig::Host);
        }
        if let Some(value) = self.extra_listeners.iter().find(|address| address.parse::<SocketAddr>().is_err()) {
            return Err(InvalidConfig::Address { value: value.clone() });
        }
        let outside = |&(_, value, least, most): &(_, u64, u64, u64)| !(least..=most).contains(&value);
        match self.numbers().into_iter().find(outside) {
            Some((key, value, least, most)) => Err(InvalidConfig::Range { key, value, least, most }),
            None => Ok(()),
        }
    }

    /// Lists the numbers: the setting, its value, the least and the most it can be.
    const fn numbers(&self) -> [(&'static str, u64, u64, u64); 13] {
        [
            ("server.worker_threads", self.worker_threads as u64, 0, 1_024),
            ("server.max_connections", self.max_connections as u64, 1, 1_000_000),
            ("server.max_streams", self.max_streams as u64, 1, 10_000),
            ("server.max_headers", self.max_headers as u64, 1, 1_024),
            ("server.max_header_bytes", self.max_header_bytes as u64, 8 << 10, 1 << 20),
            // Longer addresses are refused by the library that reads them.
            ("server.max_uri_bytes", self.max_uri_bytes as u64, 64, 65_534),
            ("server.max_body_bytes", self.max_body_bytes as u64, 1, 1 << 30),
            ("server.first_byte_timeout_ms", self.first_byte_timeout_ms, 1, HOUR_MS),
            ("server.header_timeout_ms", self.header_timeout_ms, 1, HOUR_MS),
            ("server.body_timeout_ms", self.body_timeout_ms, 1, HOUR_MS),
            ("server.handler_timeout_ms", self.handler_timeout_ms, 1, HOUR_MS),
            ("server.write_timeout_ms", self.write_timeout_ms, 1, HOUR_MS),
            ("server.slow_request_ms", self.slow_request_ms, 0, HOUR_MS),
        ]
    }
}

const HOUR_MS: u64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(section: &str) -> InvalidConfig {
        toml::from_str::<Config>(section).unwrap().check().unwrap_err()
    }

    #[test]
    fn the_defaults_and_the_ends_of_ranges_are_taken() {
        let ends = "max_connections = 1_000_000\nworker_threads = 1024\nwrite_timeout_ms = 1\n\
            handler_timeout_ms = 3_600_000\nextra_listeners = [\"[::1]:0\", \"0.0.0.0:8080\"]";

        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(toml::from_str::<Config>(ends).unwrap().check(), Ok(()));
    }

    #[test]
    fn numbers_outside_their_range_are_named_with_it() {
        for (key, value) in [
            ("max_connections", 0),
            ("max_connections", 1_000_001),
            ("worker_threads", 1_025),
            ("max_streams", 0),
            ("max_headers", 0),
            ("max_header_bytes", 100),
            ("max_uri_bytes", 100_000),
            ("max_body_bytes", 0),
            ("first_byte_timeout_ms", 0),
            ("header_timeout_ms", 0),
            ("body_timeout_ms", 3_600_001),
            ("handler_timeout_ms", 0),
            ("write_timeout_ms", 0),
            ("slow_request_ms", 3_600_001),
        ] {
            let error = refused(&format!("{key} = {value}"));
            assert_eq!(error.key(), format!("server.{key}"));
            assert!(error.to_string().contains(&format!("is {value}: set it to ")), "{error}");
        }
    }

    #[test]
    fn addresses_that_are_none_are_named() {
        for address in ["no port", "0.0.0.0", "localhost:8080", "1.2.3.4:99999", ""] {
            let error = refused(&format!("extra_listeners = [\"127.0.0.1:0\", {address:?}]"));
            assert_eq!(
                (error.key(), error.to_string().contains(&format!("{address:?}"))),
                ("server.extra_listeners", true)
            );
        }
        assert_eq!(refused("host = \" \"").key(), "server.host");
    }
}
