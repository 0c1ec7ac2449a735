//! Profiles: which routes stand at the root. A profile composes routes and has no logic of its own.

mod all;
mod analytics;

use std::{fmt, str::FromStr};

use crate::{
    Config,
    routes::{
        Row, catalogue, deep_system, docs, events, findings, health, metrics, prometheus, root, series, socket, stats,
        stream,
    },
};

/// The endpoint set that stands at the root. `/api/v1` is always there beside it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Profile {
    /// Every endpoint there is.
    #[default]
    All,
    /// Metrics in real time and in the past, anomalies, trends, events, statistics.
    Analytics,
}

impl Profile {
    /// Every profile that is built.
    pub const ALL: [Self; 2] = [Self::All, Self::Analytics];

    /// Returns the name in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Analytics => "analytics",
        }
    }

    /// Returns what clients see as the service's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::All => "Observe",
            Self::Analytics => "Observe Analytics",
        }
    }

    /// Returns a sentence about the endpoint set.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::All => "Observability engine: metrics, events, anomalies and trends of this host.",
            Self::Analytics => "Real-time metrics, their history, anomalies, trends and events of this host.",
        }
    }

    /// Returns the rows of everything that is mounted.
    pub(crate) fn rows(self, config: &Config) -> Vec<Row> {
        let own = match self {
            Self::All => all::rows(),
            Self::Analytics => analytics::rows(),
        };
        let documentation = if config.openapi { docs::rows() } else { Vec::new() };
        [own, common(), unified(), documentation].into_iter().flatten().collect()
    }
}

/// What every profile answers at the root.
fn common() -> Vec<Row> {
    [root::rows(), health::aliases(), prometheus::rows()].into_iter().flatten().collect()
}

/// What stands under `/api/v1` whatever the profile.
fn unified() -> Vec<Row> {
    let rows = [
        root::unified(),
        health::unified(),
        metrics::unified(),
        catalogue::unified(),
        series::unified(),
        prometheus::unified(),
        findings::unified(),
        events::unified(),
        stream::unified(),
        socket::unified(),
        stats::unified(),
        deep_system::unified(),
    ];
    rows.into_iter().flatten().collect()
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    /// Reads a name in any case.
    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let is_meant = |other: &str| other.eq_ignore_ascii_case(name);
        if let Some(found) = Self::ALL.into_iter().find(|profile| is_meant(profile.as_str())) {
            return Ok(found);
        }
        let planned = PLANNED.into_iter().find(|planned| is_meant(planned));
        Err(planned.map_or(UnknownProfile::Unknown, |name| UnknownProfile::NotBuilt { name }))
    }
}

/// Says that there is no such [`Profile`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownProfile {
    /// The documents describe it, and it is not built yet.
    #[error("profile `{name}` is not built yet; choose one of: all, analytics")]
    NotBuilt {
        /// The name.
        name: &'static str,
    },
    /// Nobody has heard of it.
    #[error("there is no such profile; choose one of: all, analytics")]
    Unknown,
}

const PLANNED: [&str; 4] = ["observer-eye", "ingest", "alerting", "webhooks"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!("ALL".parse(), Ok(Profile::All));
        assert_eq!("analytics".parse(), Ok(Profile::Analytics));
    }

    #[test]
    fn errors_name_every_profile_that_is_built() {
        for name in ["webhooks", "nonsense", ""] {
            let message = name.parse::<Profile>().unwrap_err().to_string();

            assert!(Profile::ALL.iter().all(|profile| message.contains(profile.as_str())), "{message}");
        }
    }

    #[test]
    fn profiles_of_the_documents_are_known_by_name() {
        assert_eq!("Alerting".parse::<Profile>(), Err(UnknownProfile::NotBuilt { name: "alerting" }));
        assert_eq!("other".parse::<Profile>(), Err(UnknownProfile::Unknown));
    }
}
