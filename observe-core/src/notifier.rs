//! The trait of everything that tells somebody.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{EventId, MetricKey, Severity, Timestamp};

/// Makes one delivery attempt and says, through [`NotifyError::is_retryable`], whether another could help.
///
/// # Cancel safety
///
/// A dropped attempt may have been delivered. Attempts of one notice share its [`Notice::key`], so that the receiver
/// can tell.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Returns the name under which settings and deliveries know the notifier.
    fn name(&self) -> &'static str;

    /// Tries once to deliver the notice.
    ///
    /// # Errors
    ///
    /// Says what went wrong and whether trying again could help.
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError>;
}

/// An alert, what happened to it, and the idempotency key that all attempts to tell it share.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Notice {
    /// The same for all attempts to deliver this notice.
    pub key: Arc<str>,
    /// What happened to the alert.
    pub change: AlertChange,
    /// The alert.
    pub alert: Arc<Alert>,
    /// When the notice was decided on.
    pub timestamp: Timestamp,
}

impl Notice {
    /// Makes a notice.
    #[must_use]
    pub fn new(key: impl Into<Arc<str>>, change: AlertChange, alert: Arc<Alert>, timestamp: Timestamp) -> Self {
        Self { key: key.into(), change, alert, timestamp }
    }
}

/// A limit that was crossed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Alert {
    /// The alert's id.
    pub id: EventId,
    /// The series that crossed the limit.
    pub metric_key: MetricKey,
    /// The value that crossed it.
    pub value: f64,
    /// The limit.
    pub threshold: f64,
    /// How much it matters.
    pub severity: Severity,
    /// A sentence that a person understands.
    pub message: String,
    /// When the value was measured.
    pub timestamp: Timestamp,
}

impl Alert {
    /// Makes a warning about the value `value` of `metric_key` above `threshold`.
    #[must_use]
    pub fn new(id: EventId, metric_key: MetricKey, value: f64, threshold: f64, timestamp: Timestamp) -> Self {
        let message = format!("{metric_key} is {value}, above {threshold}");
        Self { id, metric_key, value, threshold, severity: Severity::Warning, message, timestamp }
    }
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AlertChange {
    /// Nobody reacted, and somebody else is told.
    Escalated,
    /// The limit was crossed.
    Firing,
    /// It still is.
    Repeated,
    /// It no longer is.
    Resolved,
}

impl AlertChange {
    /// Returns `escalated`, `firing`, `repeated` or `resolved`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Escalated => "escalated",
            Self::Firing => "firing",
            Self::Repeated => "repeated",
            Self::Resolved => "resolved",
        }
    }
}

/// Says why a notice was not delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// The receiver said that it will never take this notice.
    #[error("{channel} refused the notice: {reason}")]
    Refused {
        /// The notifier's name.
        channel: &'static str,
        /// What the receiver said.
        reason: String,
    },
    /// The receiver could not be reached, or not now.
    #[error("{channel} did not take the notice: {reason}")]
    Unavailable {
        /// The notifier's name.
        channel: &'static str,
        /// What went wrong.
        reason: String,
    },
}

impl NotifyError {
    /// Returns whether another attempt could help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
