//! Log records, with OpenTelemetry's names.

use std::{fmt, str::FromStr, sync::Arc};

use super::Severity;
use crate::{Attributes, Timestamp};

/// A log record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogRecord {
    /// When it was written.
    pub timestamp: Timestamp,
    /// OpenTelemetry's number for how much it matters, 1 (trace) to 24 (fatal); 0 is unknown.
    pub severity_number: u8,
    /// The level as it was written.
    pub severity_text: String,
    /// The message.
    pub body: String,
    /// What belongs to the message.
    pub attributes: Attributes,
    /// Who wrote it.
    pub resource: Arc<Resource>,
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
    /// The span it was written in.
    pub span_id: Option<SpanId>,
}

impl LogRecord {
    /// Makes a record of an unknown level with nothing but a message.
    #[must_use]
    pub fn new(timestamp: Timestamp, body: impl Into<String>) -> Self {
        Self {
            timestamp,
            severity_number: 0,
            severity_text: String::new(),
            body: body.into(),
            attributes: Attributes::empty(),
            resource: Arc::default(),
            trace_id: None,
            span_id: None,
        }
    }

    /// Returns about how many bytes of heap the record holds or shares.
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts = self.body.capacity() + self.severity_text.capacity();
        texts + self.attributes.size_bytes() + self.resource.attributes.size_bytes()
    }

    /// Returns how much the record matters as an event.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self.severity_number {
            0..=12 => Severity::Info,
            13..=20 => Severity::Warning,
            21.. => Severity::Critical,
        }
    }
}

/// Who produced a signal: a service, a container, a host.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Resource {
    /// `service.name`, `host.name` and their like.
    pub attributes: Attributes,
}

/// Declares an id of a fixed number of bytes with a text form in hexadecimal digits.
macro_rules! hex_id {
    ($name:ident, $bytes:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Makes an id from its bytes; all zero is no id.
            #[must_use]
            pub fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// Returns the bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = InvalidTraceId;

            fn from_str(text: &str) -> Result<Self, InvalidTraceId> {
                let mut bytes = [0; $bytes];
                if text.len() != 2 * $bytes || !text.is_ascii() {
                    return Err(InvalidTraceId);
                }
                for (index, byte) in bytes.iter_mut().enumerate() {
                    let digits = &text[2 * index..2 * index + 2];
                    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                    *byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex).ok_or(InvalidTraceId)?;
                }
                Self::from_bytes(bytes).ok_or(InvalidTraceId)
            }
        }
    };
}

hex_id!(TraceId, 16, "Names a trace: 16 bytes, not all zero, written as 32 hexadecimal digits.");
hex_id!(SpanId, 8, "Names a span: 8 bytes, not all zero, written as 16 hexadecimal digits.");

/// Says that a text is not a trace or span id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a trace or span id: 32 or 16 hexadecimal digits, not all zero")]
pub struct InvalidTraceId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_their_text_form() {
        let text = "4bf92f3577b34da6a3ce929d0e0e4736";

        assert_eq!(text.parse::<TraceId>().unwrap().to_string(), text);
    }

    #[test]
    fn bad_ids_are_refused() {
        for text in
            ["", "00f067aa0ba902b", "00f067aa0ba902b7a", "0000000000000000", "+0f067aa0ba902b7", "é0f067aa0ba902b"]
        {
            assert_eq!(text.parse::<SpanId>(), Err(InvalidTraceId), "{text}");
        }
    }
}
