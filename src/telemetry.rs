//! The log of this process: one line per event on standard error, as text or as JSON.

use std::{
    fmt::{self, Write},
    io, panic,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use tracing::{field::Field, level_filters::LevelFilter};
use tracing_subscriber::{
    Registry,
    field::MakeExt,
    fmt::format::{Writer, debug_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The section `[log]` of the settings.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The least severe level that is written.
    pub(crate) level: Level,
    /// How lines look.
    pub(crate) format: Format,
}

/// How severe an event must be to be written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub(crate) enum Level {
    Debug,
    Error,
    #[default]
    Info,
    Off,
    Trace,
    Warn,
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub(crate) enum Format {
    Json,
    #[default]
    Text,
}

/// Starts logging, and sends panics to the log. The first call of a process counts.
pub(crate) fn start(config: Config, color: bool) {
    let level = LevelFilter::from(config.level);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let started = match config.format {
        Format::Json => Registry::default().with(level).with(layer.json().flatten_event(true)).try_init(),
        Format::Text => {
            let fields = debug_fn(write_field).delimited(" ");
            Registry::default().with(level).with(layer.with_ansi(color).fmt_fields(fields)).try_init()
        }
    };
    if started.is_ok() {
        panic::set_hook(Box::new(log_panic));
    }
}

/// Writes a field so that nothing in it can look like another line, another field or a command to a terminal.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    write!(Escaping(writer), "{value:?}")
}

/// Writes control characters as escapes.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_unsafe) {
            let (plain, tail) = rest.split_at(at);
            let mut tail = tail.chars();
            self.0.write_str(plain)?;
            if let Some(character) = tail.next() {
                write!(self.0, "{}", character.escape_default())?;
            }
            rest = tail.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Control characters, and those that change the direction of what follows them.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let location = info.location().map(ToString::to_string);
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        location = location.as_deref().unwrap_or("unknown"),
        "panic: {}",
        info.payload_as_str().unwrap_or("no message")
    );
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "trace" => Ok(Self::Trace),
            "debug" => Ok(Self::Debug),
            "info" => Ok(Self::Info),
            "warn" | "warning" => Ok(Self::Warn),
            "error" | "critical" => Ok(Self::Error),
            "off" => Ok(Self::Off),
            _ => Err("expected one of off, error, warn, info, debug, trace".to_owned()),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("expected json or text".to_owned()),
        }
    }
}

impl TryFrom<String> for Level {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Format {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        write!(Escaping(&mut out), "{text}").unwrap();
        out
    }

    #[test]
    fn ordinary_text_is_written_as_it_is() {
        assert_eq!(escaped("plain, \"quoted\" and größer"), "plain, \"quoted\" and größer");
        assert_eq!(escaped(""), "");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("a\nb\r\u{1b}[2Jc\0\u{7f}\u{9b}"), "a\\nb\\r\\u{1b}[2Jc\\u{0}\\u{7f}\\u{9b}");
        assert_eq!(escaped("\u{202e}evil\u{2028}"), "\\u{202e}evil\\u{2028}");
    }

    #[test]
    fn levels_of_the_documents_are_understood_in_any_case() {
        assert_eq!("WARNING".parse(), Ok(Level::Warn));
        assert_eq!("Critical".parse(), Ok(Level::Error));
        assert_eq!("info".parse(), Ok(Level::Info));
    }

    #[test]
    fn other_levels_and_formats_are_refused_with_the_list() {
        assert!("loud".parse::<Level>().unwrap_err().contains("error, warn, info"));
        assert!("".parse::<Level>().is_err());
        assert!("xml".parse::<Format>().unwrap_err().contains("json or text"));
    }

    #[test]
    fn a_hostile_value_stays_on_its_line() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let writer = move || Sink(Arc::clone(&sink));
        let fields = debug_fn(write_field).delimited(" ");
        let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).fmt_fields(fields);

        tracing::subscriber::with_default(Registry::default().with(layer), || {
            tracing::info!(path = %"/x\n2024 ERROR forged", "asked\u{1b}[31m for");
        });

        let text = String::from_utf8(lines.lock().clone()).unwrap();
        assert!(text.ends_with("asked\\u{1b}[31m for path=/x\\n2024 ERROR forged\n"), "{text:?}");
        assert_eq!(text.matches('\n').count(), 1);
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
