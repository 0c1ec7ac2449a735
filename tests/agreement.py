"""Compares what a running server says about this host with what psutil says.

Usage: agreement.py http://127.0.0.1:8000

Exits with 1 and a line for each value that differs by more than its tolerance.
"""

import json
import sys
import time
import urllib.request

import psutil

PATIENCE_SECONDS = 20


def fetch(base, path):
    with urllib.request.urlopen(base + path, timeout=10) as answer:
        return json.load(answer)


def realtime(base):
    """Returns the latest value of every series."""
    metrics = fetch(base, "/metrics/realtime")["metrics"]
    return {key: entry["latest"] for key, entry in metrics.items()}


def wait_for(base, *keys):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        values = realtime(base)
        missing = [key for key in keys if key not in values]
        if not missing:
            return values
        if time.monotonic() > deadline:
            sys.exit(f"error: the server never had {', '.join(missing)}")
        time.sleep(0.2)


def near(ours, theirs, relative=0.0, absolute=0.0):
    return abs(ours - theirs) <= max(absolute, relative * abs(theirs))


def find(values, name, attribute):
    """Returns the series of this name that has this attribute, whatever others it has."""
    for key, value in values.items():
        base, _, attributes = key.rstrip("}").partition("{")
        if base == name and attribute in attributes.split(","):
            return value
    return None


class Report:
    def __init__(self):
        self.checks = 0
        self.failures = 0
        self.absent = []

    def compare(self, name, ours, theirs, **tolerance):
        if ours is None:
            self.absent.append(name)
            return
        self.checks += 1
        agrees = near(ours, theirs, **tolerance)
        self.failures += not agrees
        word = "ok" if agrees else "DIFFERS"
        print(f"{word:<8} {name:<44} observe {ours:>20.2f}   psutil {theirs:>20.2f}")


def compare_memory(report, values):
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    report.compare("memory.total", values.get("memory.total"), memory.total)
    report.compare("memory.available", values.get("memory.available"), memory.available, relative=0.05)
    report.compare("memory.percent", values.get("memory.percent"), memory.percent, absolute=5)
    report.compare("swap.total", values.get("swap.total"), swap.total)


def compare_cpu(report, values):
    cores = sum(key.startswith("cpu.core{") for key in values)
    report.compare("series of cores", cores, psutil.cpu_count())
    report.compare("cpu.count", values.get("cpu.count"), psutil.cpu_count())
    report.compare("cpu.total is a percentage", float(0 <= values["cpu.total"] <= 100), 1)


def compare_disk(report, values):
    usage = psutil.disk_usage("/")
    for name, theirs in (("total", usage.total), ("used", usage.used), ("percent", usage.percent)):
        report.compare(f"disk.{name} of /", find(values, f"disk.{name}", "mountpoint=/"), theirs, relative=0.02, absolute=1)
    for device, counters in psutil.disk_io_counters(perdisk=True).items():
        ours = find(values, "disk.read_bytes", f"device={device}")
        if ours is not None:
            report.compare(f"disk.read_bytes of {device}", ours, counters.read_bytes, relative=0.05, absolute=1 << 20)


def compare_network(report, values):
    for interface, counters in psutil.net_io_counters(pernic=True).items():
        for field in ("bytes_sent", "bytes_recv"):
            ours = find(values, f"network.{field}", f"interface={interface}")
            if ours is not None:
                theirs = getattr(counters, field)
                report.compare(f"network.{field} of {interface}", ours, theirs, relative=0.05, absolute=4 << 20)


def compare_boot_time(report, values):
    uptime = values.get("cpu.uptime")
    report.compare("boot time", None if uptime is None else time.time() - uptime, psutil.boot_time(), absolute=15)


def main():
    base = sys.argv[1].rstrip("/")
    values = wait_for(base, "cpu.total", "memory.total")
    report = Report()
    compare_memory(report, values)
    compare_cpu(report, values)
    compare_disk(report, values)
    compare_network(report, values)
    compare_boot_time(report, values)
    if report.absent:
        print("not told by the server:", ", ".join(report.absent))
    print(f"agreement with psutil {psutil.__version__}: {report.checks - report.failures} of {report.checks} values")
    sys.exit(1 if report.failures or report.checks < 8 else 0)


if __name__ == "__main__":
    main()
