//! The table of features: all that must be known of each outside its own folder.

#[cfg(target_os = "linux")]
use observe_core::Collector;
use observe_core::KernelBoard;

use crate::{
    Config, InvalidConfig,
    guard::Guard,
    simulated::{
        INTERVAL, SimulatedBlock, SimulatedDrops, SimulatedExec, SimulatedMemory, SimulatedNet, SimulatedProfile,
        SimulatedSched, SimulatedSyscalls, SimulatedTcp, Simulation,
    },
};
#[cfg(target_os = "linux")]
use crate::{
    block::Block, drops::Drops, exec::Processes, kernel::Kernel, memory::Memory, net::Net, profile::OnCpu,
    sched::Sched, syscalls::Syscalls, tcp::Tcp,
};

/// What was made, unless the settings do not allow it.
type Made<T> = Result<Box<T>, InvalidConfig>;

/// One feature.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where the settings switch it on.
    pub(crate) switch: fn(&mut Config) -> &mut bool,
    /// Makes the collector that traces.
    #[cfg(target_os = "linux")]
    pub(crate) trace: fn(&Kernel, &Config, &Guard) -> Made<dyn Collector>,
    /// Makes what stands in for it in the mode `simulated`.
    pub(crate) simulate: fn(&Config, &Guard, &KernelBoard) -> Made<dyn Simulation>,
}

/// Returns the features that are switched on.
pub(crate) fn switched_on(config: &Config) -> impl Iterator<Item = Entry> {
    let mut config = config.clone();
    FEATURES.into_iter().filter(move |entry| *(entry.switch)(&mut config))
}

/// The feature that looks into packets.
pub(crate) const PAYLOAD: &str = "net";

/// Every feature, by name.
pub(crate) const FEATURES: [Entry; 9] = [
    Entry {
        name: "block",
        switch: |config| &mut config.block.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, _| Block::collector(kernel, &config.block),
        simulate: |_, _, board| Ok(Box::new(SimulatedBlock::new(INTERVAL, board)?)),
    },
    Entry {
        name: "drops",
        switch: |config| &mut config.drops.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, _| Drops::collector(kernel, &config.drops),
        simulate: |_, _, _| Ok(Box::new(SimulatedDrops::new(INTERVAL)?)),
    },
    Entry {
        name: "exec",
        switch: |config| &mut config.exec.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, guard| Processes::collector(kernel, &config.exec, guard),
        simulate: |_, guard, _| Ok(Box::new(SimulatedExec::new(INTERVAL, guard)?)),
    },
    Entry {
        name: "memory",
        switch: |config| &mut config.memory.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, _| Memory::collector(kernel, &config.memory),
        simulate: |_, _, _| Ok(Box::new(SimulatedMemory::new(INTERVAL)?)),
    },
    Entry {
        name: "net",
        switch: |config| &mut config.net.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, guard| Net::collector(kernel, &config.net, guard),
        simulate: |_, _, _| Ok(Box::new(SimulatedNet::new(INTERVAL)?)),
    },
    Entry {
        name: "profile",
        switch: |config| &mut config.profile.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, _| OnCpu::collector(kernel, &config.profile),
        simulate: |_, _, _| Ok(Box::new(SimulatedProfile::new(INTERVAL)?)),
    },
    Entry {
        name: "sched",
        switch: |config| &mut config.sched.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, _| Sched::collector(kernel, &config.sched),
        simulate: |_, _, board| Ok(Box::new(SimulatedSched::new(INTERVAL, board)?)),
    },
    Entry {
        name: "syscalls",
        switch: |config| &mut config.syscalls.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, _| Syscalls::collector(kernel, &config.syscalls),
        simulate: |config, _, board| Ok(Box::new(SimulatedSyscalls::new(INTERVAL, &config.syscalls, board)?)),
    },
    Entry {
        name: "tcp",
        switch: |config| &mut config.tcp.enabled,
        #[cfg(target_os = "linux")]
        trace: |kernel, config, guard| Tcp::collector(kernel, &config.tcp, guard),
        simulate: |config, guard, board| Ok(Box::new(SimulatedTcp::new(INTERVAL, &config.tcp, guard, board)?)),
    },
];
