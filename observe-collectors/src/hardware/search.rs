//! Where devices are found in sysfs.

use std::path::{Path, PathBuf};

use super::device::{Content, Device, entries, link_name, text};

/// Finds temperature sensors: those of hwmon, else the thermal zones.
pub(super) fn temperatures(sys: &Path) -> Vec<Device> {
    let found = hwmon(sys, "temp", Content::Number(1e-3));
    if !found.is_empty() {
        return found;
    }
    let zones = entries(&sys.join("class/thermal"), "thermal_zone").into_iter();
    let device = |(name, path): (String, PathBuf)| {
        let device = Device::new([("zone", name), ("sensor", text(&path.join("type")))]).ok()?;
        Some(device.with(0, path.join("temp"), Content::Number(1e-3)))
    };
    zones.filter_map(device).collect()
}

/// Finds fans.
pub(super) fn fans(sys: &Path) -> Vec<Device> {
    hwmon(sys, "fan", Content::Number(1.0))
}

/// Finds batteries.
pub(super) fn batteries(sys: &Path) -> Vec<Device> {
    let supplies = entries(&sys.join("class/power_supply"), "").into_iter();
    let batteries = supplies.filter(|(_, path)| text(&path.join("type")) == "Battery");
    batteries
        .filter_map(|(name, path)| {
            Some(Device::new([("battery", name)]).ok()?.with(0, path.join("capacity"), Content::Number(1.0)))
        })
        .collect()
}

/// Finds disks whose driver tells their state: SCSI, SATA, NVMe.
pub(super) fn disks(sys: &Path) -> Vec<Device> {
    let disks = entries(&sys.join("block"), "").into_iter();
    let telling = disks.map(|(name, path)| (name, path.join("device/state"))).filter(|(_, path)| path.exists());
    let state = Content::Word { one: &["running", "live"], nothing: &[] };
    telling.filter_map(|(name, path)| Some(Device::new([("device", name)]).ok()?.with(0, path, state))).collect()
}

/// Finds network interfaces that have hardware behind them, or all but the loop where none has, as in containers.
pub(super) fn links(sys: &Path) -> Vec<Device> {
    let mut interfaces = entries(&sys.join("class/net"), "");
    if interfaces.iter().any(|(_, path)| path.join("device").exists()) {
        interfaces.retain(|(_, path)| path.join("device").exists());
    }
    // `operstate` is unknown for drivers that never set it; what the carrier says then stays.
    let carrier = Content::Word { one: &["1"], nothing: &[] };
    let state = Content::Word { one: &["up"], nothing: &["unknown"] };
    let device = |(name, path): (String, PathBuf)| {
        let device = Device::new([("interface", name)]).ok()?.with(0, path.join("carrier"), carrier);
        let device = device.with(0, path.join("operstate"), state);
        Some(device.with(1, path.join("speed"), Content::Positive(BYTES_PER_MEGABIT)))
    };
    interfaces.into_iter().filter(|(name, _)| name != "lo").filter_map(device).collect()
}

/// Finds the inputs of one kind of all chips: `temp1_input`, with its name in `temp1_label`.
fn hwmon(sys: &Path, kind: &str, content: Content) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for (hwmon, chip) in entries(&sys.join("class/hwmon"), "hwmon") {
        for (file, path) in entries(&chip, kind) {
            let Some(input) = file.strip_suffix("_input") else { continue };
            let label = text(&chip.join(format!("{input}_label")));
            let sensor = if label.is_empty() { input.to_owned() } else { label };
            let named = [("chip", text(&chip.join("name"))), ("device", link_name(&chip.join("device")))];
            let [name, device] = named;
            let Ok(mut found) = Device::new([name.clone(), device.clone(), ("sensor", sensor.clone())]) else {
                continue;
            };
            // Numbers of chips change from start to start, so they are only used where nothing else tells two apart.
            if devices.iter().any(|other| other.attributes == found.attributes) {
                let all = [name, device, ("sensor", sensor), ("hwmon", hwmon.clone()), ("input", input.to_owned())];
                let Ok(unlike) = Device::new(all) else { continue };
                found = unlike;
            }
            devices.push(found.with(0, path, content));
        }
    }
    devices
}

const BYTES_PER_MEGABIT: f64 = 125_000.0;
