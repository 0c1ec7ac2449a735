//! What the host's devices say about themselves.

use std::collections::BTreeMap;

use observe_core::{
    Attributes, SeriesView,
    names::{disk, hardware},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::deep::nearest;

/// Devices that tell something; lists are empty where none does.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct HardwareBody {
    /// Sensors of processors.
    cpu_temperature_celsius: Vec<TemperatureBody>,
    /// Disks, by name.
    #[schema(value_type = Vec<DiskHealthBody>)]
    #[serde(serialize_with = "values")]
    disks: BTreeMap<String, DiskHealthBody>,
    /// Network interfaces, by name.
    #[schema(value_type = Vec<InterfaceBody>)]
    #[serde(serialize_with = "values")]
    interfaces: BTreeMap<String, InterfaceBody>,
}

/// A sensor.
#[derive(Debug, Serialize, ToSchema)]
struct TemperatureBody {
    /// What the sensor calls itself: `Package id 0`.
    label: String,
    /// What it reads.
    value: f64,
}

/// A disk.
#[derive(Debug, Serialize, ToSchema)]
struct DiskHealthBody {
    /// Its name: `sda`.
    device: String,
    /// What the kernel says of it: `online`, `offline`, or `unknown` where it says nothing.
    health: &'static str,
}

/// A network interface.
#[derive(Debug, Serialize, ToSchema)]
struct InterfaceBody {
    /// Its name: `eth0`.
    name: String,
    /// Whether it has a link; null where it does not say.
    up: Option<bool>,
    /// Its speed in megabits a second; null where it does not say.
    speed_mbps: Option<u64>,
}

impl HardwareBody {
    /// Takes the newest value of a series in.
    pub(crate) fn take(&mut self, series: &SeriesView<'_>) {
        let name = &series.metric().name;
        let attributes = series.subject_attributes();
        if *name == disk::READ_BYTES.name {
            if let Some(device) = attributes.value("device") {
                self.disk(device);
            }
            return;
        }
        let Some(value) = series.latest().map(|point| point.value) else { return };
        if *name == hardware::TEMPERATURE.name && is_of_processor(attributes) {
            let label = attributes.value("sensor").unwrap_or_default().to_owned();
            self.cpu_temperature_celsius.push(TemperatureBody { label, value });
        } else if *name == hardware::DISK_ONLINE.name {
            if let Some(device) = attributes.value("device") {
                self.disk(device).health = if value > 0.0 { "online" } else { "offline" };
            }
        } else if *name == hardware::LINK_UP.name {
            if let Some(interface) = attributes.value("interface") {
                self.interface(interface).up = Some(value > 0.0);
            }
        } else if *name == hardware::LINK_SPEED.name
            && let Some(interface) = attributes.value("interface")
        {
            self.interface(interface).speed_mbps = Some(nearest(value / BYTES_PER_MEGABIT));
        }
    }

    fn disk(&mut self, device: &str) -> &mut DiskHealthBody {
        let unknown = || DiskHealthBody { device: device.to_owned(), health: "unknown" };
        self.disks.entry(device.to_owned()).or_insert_with(unknown)
    }

    fn interface(&mut self, name: &str) -> &mut InterfaceBody {
        let silent = || InterfaceBody { name: name.to_owned(), up: None, speed_mbps: None };
        self.interfaces.entry(name.to_owned()).or_insert_with(silent)
    }
}

/// Returns whether a sensor is that of a processor, by the names that drivers give theirs.
fn is_of_processor(attributes: &Attributes) -> bool {
    let is_known = |name: &str| name.starts_with("cpu") || OF_PROCESSORS.contains(&name);
    match attributes.value("chip") {
        Some(chip) => is_known(chip),
        None => attributes.value("sensor").is_some_and(is_known),
    }
}

fn values<T: Serialize, S: serde::Serializer>(map: &BTreeMap<String, T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}

const OF_PROCESSORS: [&str; 5] = ["TCPU", "coretemp", "k10temp", "x86_pkg_temp", "zenpower"];
const BYTES_PER_MEGABIT: f64 = 125_000.0;
