//! How what has no column of its own is written: as JSON of forms that only this crate knows.
//!
//! Fields are never renamed, and new ones have a default: what was once written stays readable.

mod finding;
mod kernel;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use observe_core::{Attributes, Custom, Enriched, EventData, EventKind, ProcessInfo, StoreError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::{
    finding::{AnomalyBody, TrendBody},
    kernel::{ExecBody, IoBody, PacketBody, SecurityBody, SyscallBody},
};

/// The kinds of events that are written so.
pub(super) const KINDS: [EventKind; 8] = [
    EventKind::Anomaly,
    EventKind::Custom,
    EventKind::Exec,
    EventKind::Io,
    EventKind::NetworkPacket,
    EventKind::Security,
    EventKind::Syscall,
    EventKind::Trend,
];

/// Writes what has no column of its own about an event; `None` where the event has a table for itself, or none.
pub(super) fn write_event(event: &Enriched) -> Result<Option<String>, StoreError> {
    let process = event.process.as_deref().map(Process::from);
    let written = match &event.data {
        EventData::Anomaly { metric_key, point, anomaly } => {
            write(&WithProcess { body: AnomalyBody::new(metric_key, *point, anomaly), process })
        }
        EventData::Custom(custom) => write(&WithProcess { body: CustomBody::new(custom), process }),
        EventData::Exec(exec) => match ExecBody::new(exec) {
            Some(body) => write(&WithProcess { body, process }),
            None => return Ok(None),
        },
        EventData::Io(io) => write(&WithProcess { body: IoBody::new(io), process }),
        EventData::Packet(packet) => write(&WithProcess { body: PacketBody::new(packet), process }),
        EventData::Security(finding) => write(&WithProcess { body: SecurityBody::new(finding), process }),
        EventData::Syscall(syscall) => write(&WithProcess { body: SyscallBody::new(syscall), process }),
        EventData::Trend { metric_key, trend } => {
            write(&WithProcess { body: TrendBody::new(metric_key, trend), process })
        }
        _ => return Ok(None),
    };
    written.map(Some)
}

/// Reads what [`write_event`] wrote.
pub(super) fn read_event(kind: EventKind, body: &str) -> Result<(EventData, Option<Arc<ProcessInfo>>), String> {
    match kind {
        EventKind::Anomaly => read_as(body, AnomalyBody::into_data),
        EventKind::Custom => read_as(body, |body: CustomBody<'_>| Ok(body.into_data())),
        EventKind::Exec => read_as(body, |body: ExecBody<'_>| Ok(body.into_data())),
        EventKind::Io => read_as(body, |body: IoBody<'_>| Ok(body.into_data())),
        EventKind::NetworkPacket => read_as(body, PacketBody::into_data),
        EventKind::Security => read_as(body, SecurityBody::into_data),
        EventKind::Syscall => read_as(body, |body: SyscallBody<'_>| Ok(body.into_data())),
        EventKind::Trend => read_as(body, TrendBody::into_data),
        other => Err(format!("there is no event of the kind {other}")),
    }
}

fn read_as<T: DeserializeOwned>(
    text: &str,
    into_data: impl FnOnce(T) -> Result<EventData, String>,
) -> Result<(EventData, Option<Arc<ProcessInfo>>), String> {
    let WithProcess { body, process } = read::<WithProcess<'_, T>>(text)?;
    Ok((into_data(body)?, process.map(Process::into_info)))
}

pub(super) fn write(body: &impl Serialize) -> Result<String, StoreError> {
    let unwritable =
        |error: serde_json::Error| StoreError::Corrupt { what: "an event".to_owned(), reason: error.to_string() };
    serde_json::to_string(body).map_err(unwritable)
}

pub(super) fn read<T: DeserializeOwned>(body: &str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| error.to_string())
}

/// What is written of an event.
#[derive(Deserialize, Serialize)]
struct WithProcess<'a, T> {
    #[serde(flatten)]
    body: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process<'a>>,
}

#[derive(Deserialize, Serialize)]
struct CustomBody<'a> {
    name: Cow<'a, str>,
    data: Cow<'a, serde_json::Value>,
}

impl<'a> CustomBody<'a> {
    fn new(custom: &'a Custom) -> Self {
        Self { name: Cow::Borrowed(&custom.name), data: Cow::Borrowed(&custom.data) }
    }

    fn into_data(self) -> EventData {
        EventData::Custom(Custom { name: self.name.into_owned(), data: self.data.into_owned() })
    }
}

/// A process that an event is about.
#[derive(Deserialize, Serialize)]
pub(super) struct Process<'a> {
    pid: u32,
    start_ticks: u64,
    ppid: u32,
    name: Cow<'a, str>,
    cmdline: Cow<'a, str>,
    uid: u32,
}

impl<'a> From<&'a ProcessInfo> for Process<'a> {
    fn from(info: &'a ProcessInfo) -> Self {
        let ProcessInfo { pid, start_ticks, ppid, name, cmdline, uid } = info;
        Self {
            pid: *pid,
            start_ticks: *start_ticks,
            ppid: *ppid,
            name: Cow::Borrowed(name),
            cmdline: Cow::Borrowed(cmdline),
            uid: *uid,
        }
    }
}

impl Process<'_> {
    pub(super) fn into_info(self) -> Arc<ProcessInfo> {
        let Self { pid, start_ticks, ppid, name, cmdline, uid } = self;
        Arc::new(ProcessInfo { pid, start_ticks, ppid, name: name.into_owned(), cmdline: cmdline.into_owned(), uid })
    }
}

/// Attributes as one JSON object.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Pairs<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> From<&'a Attributes> for Pairs<'a> {
    fn from(attributes: &'a Attributes) -> Self {
        let pairs = attributes.iter().map(|pair| (Cow::Borrowed(&*pair.key), Cow::Borrowed(&*pair.value)));
        Self(pairs.collect())
    }
}

impl Pairs<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_attributes(self) -> Result<Attributes, String> {
        let pairs = self.0.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned()));
        Attributes::new(pairs).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_addresses_that_nobody_knows_are_refused_by_name() {
        let task = r#"{"pid":1,"tid":1,"uid":0,"name":"a","cgroup":0}"#;
        let finding = r#""explanation":"","false_positives":"","evidence":"","count":1"#;
        for (kind, body, word) in [
            (
                EventKind::NetworkPacket,
                r#"{"kind":"wink","protocol":"tcp","source":"1.1.1.1:1","destination":"1.1.1.1:1","bytes":1,"packets":1,"detail":""}"#
                    .to_owned(),
                "wink",
            ),
            (
                EventKind::NetworkPacket,
                r#"{"kind":"drop","protocol":"tcp","source":"1.1.1.1","destination":"1.1.1.1:1","bytes":1,"packets":1,"detail":""}"#
                    .to_owned(),
                "address",
            ),
            (EventKind::Security, format!(r#"{{"rule":"a","severity":"dire",{finding}}}"#), "dire"),
            (EventKind::Exec, format!(r#"{{"change":"stopped","task":{task},"ppid":1}}"#), "stopped"),
            (EventKind::Webhook, "{}".to_owned(), "WEBHOOK"),
        ] {
            let error = read_event(kind, &body).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn fields_that_came_later_may_be_missing() {
        let body = r#"{"change":"started","task":{"pid":1,"tid":1,"uid":0,"name":"a","cgroup":0},"ppid":1,"new":[1]}"#;

        let (data, process) = read_event(EventKind::Exec, body).unwrap();

        assert!(matches!(data, EventData::Exec(exec) if exec.path.is_empty() && exec.arguments.is_empty()));
        assert!(process.is_none());
    }
}
