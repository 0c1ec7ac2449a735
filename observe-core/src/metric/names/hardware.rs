//! Sensors, and what the host says about its devices.

use super::rows;
use crate::{Metric, Unit};

rows! {
    TEMPERATURE = Metric::gauge("hardware.temperature", Unit::Celsius, "What a temperature sensor reads.")
        .otel("hw.temperature", Unit::Celsius, 1.0);
    FAN_SPEED = Metric::gauge("hardware.fan_speed", Unit::RevolutionsPerMinute, "How fast a fan turns.")
        .otel("hw.fan.speed", Unit::RevolutionsPerMinute, 1.0);
    BATTERY_CHARGE = Metric::gauge("hardware.battery_charge", Unit::Percent, "Charge of a battery.")
        .otel("hw.battery.charge", Unit::Ratio, 0.01);
    DISK_ONLINE = Metric::gauge("hardware.disk_online", Unit::Count,
        "One where the kernel says that a disk works, zero where it says that it does not.");
    LINK_UP = Metric::gauge("hardware.link_up", Unit::Count, "One where a network interface has a link, else zero.")
        .otel("hw.network.up", Unit::Count, 1.0);
    LINK_SPEED = Metric::gauge("hardware.link_speed", Unit::BytesPerSecond,
        "The most bytes that a network interface can send in a second, as negotiated.")
        .otel("hw.network.bandwidth.limit", Unit::BytesPerSecond, 1.0);
}
