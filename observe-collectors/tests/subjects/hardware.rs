//! The hardware collector over scripted trees: sysfs is made of symbolic links, which fixtures would lose.

use std::{fs, os::unix::fs::symlink, path::Path};

use observe_collectors::Config;
use observe_core::{CollectError, Collector, ProcessCache, Timestamp};
use tempfile::TempDir;

use super::tick::{Tick, collect, collector};

struct Host {
    sys: TempDir,
    collector: Box<dyn Collector>,
}

impl Host {
    fn new(files: &[(&str, &str)]) -> Self {
        let sys = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.roots.sys = sys.path().to_owned();
        let host = Self { sys, collector: collector(&config, "hardware") };
        files.iter().for_each(|(path, content)| host.write(path, content));
        host
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.sys.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn tick(&mut self) -> Tick {
        collect(&mut *self.collector, Timestamp::from_millis(0), &ProcessCache::new())
    }
}

const CHIP: &[(&str, &str)] = &[
    ("class/hwmon/hwmon3/name", "coretemp\n"),
    ("class/hwmon/hwmon3/temp1_input", "41500\n"),
    ("class/hwmon/hwmon3/temp1_label", "Package id 0\n"),
    ("class/hwmon/hwmon3/temp1_max", "99000\n"),
    ("class/hwmon/hwmon3/temp2_input", "-5000\n"),
    ("class/hwmon/hwmon3/fan1_input", "1200\n"),
];

#[test]
fn sensors_have_chip_device_and_label() {
    let mut host = Host::new(CHIP);
    symlink(Path::new("../../../coretemp.0"), host.sys.path().join("class/hwmon/hwmon3/device")).unwrap();

    let tick = host.tick();

    let temperature = r#"hardware.temperature{chip=coretemp,device=coretemp.0,sensor="Package id 0"}"#;
    assert_eq!(tick.value(temperature), Some(41.5));
    assert_eq!(tick.value("hardware.temperature{chip=coretemp,device=coretemp.0,sensor=temp2}"), Some(-5.0));
    assert_eq!(tick.value("hardware.fan_speed{chip=coretemp,device=coretemp.0,sensor=fan1}"), Some(1200.0));
    assert_eq!(tick.keys().len(), 3, "limits are no inputs");
}

#[test]
fn chips_that_nothing_tells_apart_are_told_apart_by_number() {
    let mut host = Host::new(CHIP);
    host.write("class/hwmon/hwmon5/name", "coretemp");
    host.write("class/hwmon/hwmon5/temp2_input", "7000");

    let tick = host.tick();

    assert_eq!(tick.value("hardware.temperature{chip=coretemp,sensor=temp2}"), Some(-5.0));
    assert_eq!(tick.value("hardware.temperature{chip=coretemp,hwmon=hwmon5,input=temp2,sensor=temp2}"), Some(7.0));
}

#[test]
fn thermal_zones_count_only_where_there_is_no_hwmon() {
    let zone = [("class/thermal/thermal_zone0/type", "cpu-thermal\n"), ("class/thermal/thermal_zone0/temp", "50123\n")];
    let mut alone = Host::new(&zone);
    let mut beside = Host::new(&[CHIP, &zone].concat());

    assert_eq!(alone.tick().keys(), ["hardware.temperature{sensor=cpu-thermal,zone=thermal_zone0}"]);
    assert!(!beside.tick().keys().iter().any(|key| key.contains("zone")));
}

#[test]
fn batteries_and_disks_tell_their_state() {
    let mut host = Host::new(&[
        ("class/power_supply/BAT0/type", "Battery\n"),
        ("class/power_supply/BAT0/capacity", "87\n"),
        ("class/power_supply/AC/type", "Mains\n"),
        ("block/sda/device/state", "running\n"),
        ("block/sdb/device/state", "offline\n"),
        ("block/nvme0n1/device/state", "live\n"),
        ("block/vda/size", "1\n"),
    ]);

    let tick = host.tick();

    let online =
        ["sda", "sdb", "nvme0n1", "vda"].map(|device| tick.value(&format!("hardware.disk_online{{device={device}}}")));
    assert_eq!(online, [Some(1.0), Some(0.0), Some(1.0), None]);
    assert_eq!(tick.value("hardware.battery_charge{battery=BAT0}"), Some(87.0));
}

#[test]
fn links_tell_state_and_speed_and_only_hardware_counts() {
    let mut host = Host::new(&[
        ("class/net/eth0/device/vendor", "x"),
        ("class/net/eth0/operstate", "up\n"),
        ("class/net/eth0/carrier", "1\n"),
        ("class/net/eth0/speed", "1000\n"),
        ("class/net/eth1/device/vendor", "x"),
        ("class/net/eth1/operstate", "down\n"),
        ("class/net/eth1/speed", "-1\n"),
        ("class/net/eth2/device/vendor", "x"),
        ("class/net/eth2/operstate", "unknown\n"),
        ("class/net/eth2/carrier", "1\n"),
        ("class/net/veth9/operstate", "up\n"),
    ]);

    let tick = host.tick();

    assert_eq!(
        tick.keys(),
        [
            "hardware.link_speed{interface=eth0}",
            "hardware.link_up{interface=eth0}",
            "hardware.link_up{interface=eth1}",
            "hardware.link_up{interface=eth2}",
        ]
    );
    assert_eq!(tick.value("hardware.link_speed{interface=eth0}"), Some(125e6));
    assert_eq!(
        ["eth0", "eth1", "eth2"].map(|name| tick.value(&format!("hardware.link_up{{interface={name}}}"))),
        [Some(1.0), Some(0.0), Some(1.0)]
    );
}

#[test]
fn in_a_container_all_links_but_the_loop_count() {
    let mut host = Host::new(&[("class/net/eth0/operstate", "up\n"), ("class/net/lo/operstate", "unknown\n")]);

    assert_eq!(host.tick().keys(), ["hardware.link_up{interface=eth0}"]);
}

#[test]
fn devices_that_come_and_go_are_found_every_sixth_reading() {
    let mut host = Host::new(CHIP);
    drop(host.tick());

    host.write("class/hwmon/hwmon4/name", "nvme");
    host.write("class/hwmon/hwmon4/temp1_input", "30000");
    fs::remove_dir_all(host.sys.path().join("class/hwmon/hwmon3")).unwrap();
    let early = host.tick();
    let late = (3..=7).map(|_| host.tick()).last().unwrap();

    assert_eq!(early.keys(), Vec::<String>::new(), "gone sensors say nothing");
    assert_eq!(late.keys(), ["hardware.temperature{chip=nvme,sensor=temp1}"]);
}

#[test]
fn garbage_is_absent() {
    let mut host = Host::new(&[
        ("class/hwmon/hwmon0/name", "\u{0}"),
        ("class/hwmon/hwmon0/temp1_input", "hot"),
        ("class/hwmon/hwmon0/temp2_input", ""),
        ("class/hwmon/hwmon0/temp3_input", "99999999999999999999"),
        ("class/hwmon/hwmon0/temp4_input", "1000"),
    ]);

    let tick = host.tick();

    assert!(tick.outcome.is_ok());
    assert_eq!(tick.keys().len(), 1);
}

#[test]
fn a_host_that_tells_nothing_is_unsupported() {
    assert!(matches!(Host::new(&[]).tick().outcome, Err(CollectError::Unsupported(_))));
}
