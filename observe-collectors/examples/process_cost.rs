//! Measures what reading every process costs: thread CPU time per tick, beside sysinfo.
//!
//! Run: `cargo run --release -p observe-collectors --example process_cost [EXTRA [CHURN]]`. It starts EXTRA idle
//! processes, and replaces CHURN of them before each tick. Expect about 3 microseconds a process.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{
    collections::VecDeque,
    error::Error,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use observe_collectors::{Config, collectors};
use observe_core::{Collect, Collector, Item, ProcessCache, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let extra = arguments.next().transpose()?.unwrap_or(0);
    let churn = arguments.next().transpose()?.unwrap_or(0);
    let mut children = (0..extra).map(|_| idle()).collect::<Result<VecDeque<Child>, _>>()?;
    let all = collectors(&Config::default())?;
    let mut collector = all.into_iter().find(|collector| collector.name() == "process").ok_or("no collector")?;
    let cache = ProcessCache::new();

    let mut costs = Vec::new();
    let mut processes = 0.0;
    for tick in 0..TICKS {
        replace(&mut children, churn)?;
        let start = thread_cpu();
        processes = collect(&mut *collector, &cache, tick);
        costs.push(thread_cpu() - start);
    }
    report("observe", processes, costs.split_off(WARM_UP));

    let mut system = System::new()?;
    let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
    let costs: Vec<Duration> = (0..20)
        .map(|_| {
            let start = thread_cpu();
            system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
            thread_cpu() - start
        })
        .collect();
    report("sysinfo", system.processes().len() as f64, costs);
    children.iter_mut().try_for_each(end)?;
    Ok(())
}

fn collect(collector: &mut dyn Collector, cache: &ProcessCache, tick: usize) -> f64 {
    let now = Timestamp::from_millis(1_000 * i64::try_from(tick).unwrap_or_default());
    let mut cx = Collect::new(now, Instant::now() + Duration::from_secs(1), cache);
    if let Err(error) = collector.collect(&mut cx) {
        println!("{error}");
    }
    if let Some(reason) = cx.degraded().filter(|_| tick == 0) {
        println!("degraded: {reason}");
    }
    let host = cx.take_items().into_iter().find_map(|item| match item {
        Item::Frame(frame) if frame.schema().name() == "processes" => frame.value(0, 0),
        _ => None,
    });
    host.unwrap_or_default()
}

fn report(name: &str, processes: f64, mut costs: Vec<Duration>) {
    costs.sort_unstable();
    let median = costs.get(costs.len() / 2).map_or(0.0, |cost| cost.as_secs_f64() * 1e6);
    let least = costs.first().map_or(0.0, |cost| cost.as_secs_f64() * 1e6);
    println!(
        "{name}: {processes} processes, {median:.0} us a tick (least {least:.0}), {:.2} us each",
        median / processes
    );
}

fn thread_cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

fn idle() -> std::io::Result<Child> {
    Command::new("cat").stdin(Stdio::piped()).spawn()
}

fn replace(children: &mut VecDeque<Child>, count: usize) -> std::io::Result<()> {
    for _ in 0..count.min(children.len()) {
        children.pop_front().as_mut().map_or(Ok(()), end)?;
        children.push_back(idle()?);
    }
    Ok(())
}

fn end(child: &mut Child) -> std::io::Result<()> {
    child.kill()?;
    child.wait().map(drop)
}

const TICKS: usize = 200;
const WARM_UP: usize = 10;
