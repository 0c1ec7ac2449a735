//! What goes over the WebSocket, in both directions: objects with one member, which says what it is.

use observe_core::{Enriched, EventKind, EventKinds, MetricKey};
use serde::{Deserialize, Serialize};

use crate::{body::EventBody, time::Rfc3339};

/// What a client may say.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FromClient {
    Subscribe(Wishes),
}

/// Which events and values a client wants. Nothing at all means every event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wishes {
    event_types: Vec<String>,
    metric_keys: Vec<String>,
}

/// Wishes that make sense.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kinds: EventKinds,
    pub(super) keys: Vec<MetricKey>,
}

/// What is sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToClient<'a> {
    /// Events are missing before the next message.
    Dropped { count: u64 },
    /// What the client said made no sense; the stream ends.
    Error { code: &'static str, message: String },
    /// Something happened.
    Event(Box<EventBody<'a, Rfc3339>>),
    /// New values of series.
    Metrics(Vec<Value>),
    /// The wishes were understood.
    Subscribed { event_types: Vec<&'static str>, metric_keys: Vec<String> },
}

/// The newest value of a series.
#[derive(Debug, Serialize)]
pub(super) struct Value {
    pub(super) metric_key: String,
    pub(super) timestamp: Rfc3339,
    pub(super) value: f64,
}

/// Says why wishes make no sense.
#[derive(Debug)]
pub(super) struct Misunderstood {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Wanted {
    /// Reads the text of a message.
    pub(super) fn parse(text: &str) -> Result<Self, Misunderstood> {
        let parsed = crate::extract::parse_json(text.as_bytes());
        let FromClient::Subscribe(wishes) = parsed.map_err(|_| {
            misunderstood("malformed", r#"expected {"subscribe":{"event_types":[..],"metric_keys":[..]}}"#)
        })?;
        if wishes.event_types.len() > EventKind::ALL.len() || wishes.metric_keys.len() > MAX_KEYS {
            return Err(misunderstood("too_many", format!("at most {MAX_KEYS} metric_keys, and each event_type once")));
        }
        let keys: Option<Vec<MetricKey>> = wishes.metric_keys.iter().map(|text| text.parse().ok()).collect();
        let keys = keys.ok_or_else(|| misunderstood("metric_key", "a metric_key is not well formed"))?;
        let kinds: Option<EventKinds> = wishes.event_types.iter().map(|text| text.parse::<EventKind>().ok()).collect();
        let kinds = kinds.ok_or_else(|| {
            let names: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            misunderstood("event_type", format!("expected event_types of: {}", names.join(", ")))
        })?;
        let everything = wishes.event_types.is_empty() && keys.is_empty();
        Ok(Self { kinds: if everything { EventKinds::ALL } else { kinds }, keys })
    }

    /// Returns the kinds that the bus has to show: those wanted, and every frame where values are wanted.
    pub(super) fn shown(&self) -> EventKinds {
        let frames = EventKind::ALL.iter().filter(|kind| kind.is_frame() && !self.keys.is_empty());
        self.kinds.iter().chain(frames.copied()).collect()
    }

    pub(super) fn confirmation(&self) -> ToClient<'static> {
        ToClient::Subscribed {
            event_types: self.kinds.iter().map(EventKind::as_str).collect(),
            metric_keys: self.keys.iter().map(ToString::to_string).collect(),
        }
    }
}

impl<'a> ToClient<'a> {
    pub(super) fn event(event: &'a Enriched, own_host: &'a str) -> Self {
        Self::Event(Box::new(EventBody::new(event, own_host)))
    }
}

fn misunderstood(code: &'static str, message: impl Into<String>) -> Misunderstood {
    Misunderstood { code, message: message.into() }
}

const MAX_KEYS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wishes_are_all_events_and_no_values() {
        let wanted = Wanted::parse(r#"{"subscribe":{}}"#).unwrap();

        assert!(wanted.kinds.contains(EventKind::Log) && wanted.keys.is_empty());
    }

    #[test]
    fn values_need_frames_from_the_bus_that_are_not_passed_on() {
        let wanted = Wanted::parse(r#"{"subscribe":{"metric_keys":["cpu.total"]}}"#).unwrap();

        assert!(wanted.shown().contains(EventKind::CpuMetric));
        assert!(!wanted.kinds.contains(EventKind::CpuMetric));
    }

    #[test]
    fn other_messages_are_refused_with_a_reason() {
        let many = format!(r#"{{"subscribe":{{"metric_keys":[{}"a"]}}}}"#, r#""a","#.repeat(100));
        let cases = [
            ("", "malformed"),
            ("{}", "malformed"),
            (r#"{"unsubscribe":{}}"#, "malformed"),
            (r#"{"subscribe":{"event_types":"LOG"}}"#, "malformed"),
            (r#"{"subscribe":{"event_types":["CPU"]}}"#, "event_type"),
            (r#"{"subscribe":{"metric_keys":["a{"]}}"#, "metric_key"),
            (&many, "too_many"),
        ];
        for (text, code) in cases {
            assert_eq!(Wanted::parse(text).unwrap_err().code, code, "{text:.40}");
        }
    }
}
