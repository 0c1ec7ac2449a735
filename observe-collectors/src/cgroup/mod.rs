//! The control group collector: containers on every tick, all other groups every ten seconds.

mod discovery;
mod group;
mod identity;
mod layout;

use std::{path::PathBuf, sync::Arc, time::Duration};

use observe_core::{Collect, CollectError, Collector, InvalidSchema, Schema, SubjectId, Table, names::cgroup as names};

use self::{group::Group, layout::Layout};
use crate::{Config, InvalidConfig, NameFilter, config};

/// Processor time, throttling, memory, input and output of control groups, of version 2 or 1 of their filesystem.
///
/// Groups are looked for every ten seconds. Those of containers are read on every tick, the others as often as they are
/// looked for.
#[derive(Debug)]
pub struct CgroupCollector {
    interval: Duration,
    search_interval: Duration,
    mount: PathBuf,
    filter: NameFilter,
    /// Looked for with each reading until it is there: it may be mounted later than this program starts.
    hierarchy: Option<Hierarchy>,
    host: Table,
    host_row: SubjectId,
    tick: u64,
    ticks_per_search: u64,
}

/// The groups of this host.
#[derive(Debug)]
struct Hierarchy {
    layout: Layout,
    containers: Set,
    others: Set,
    buffer: Vec<u8>,
}

/// Groups that are read at the same pace.
#[derive(Debug)]
struct Set {
    groups: Vec<Group>,
    table: Table,
    max_kept: usize,
}

impl CgroupCollector {
    /// Makes the collector; nothing is read yet.
    ///
    /// # Errors
    ///
    /// Refuses settings out of their range.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        let interval = config::interval("collectors.cgroup.interval_seconds", config.cgroup.interval_seconds)?;
        let ticks_per_search = (SEARCH_SECONDS / interval.as_secs_f64()).ceil().max(1.0);
        let search_interval = interval.mul_f64(ticks_per_search);
        let host = Schema::builder("cgroups").column(&names::COUNT).column(&names::UNTRACKED);
        let (host, host_row) = Table::for_host(host.interval(search_interval).build()?);
        Ok(Self {
            interval,
            search_interval,
            mount: config.roots.sys("fs/cgroup"),
            filter: config.cgroup.groups.clone(),
            hierarchy: None,
            host,
            host_row,
            tick: 0,
            ticks_per_search: ticks_per_search as u64,
        })
    }

    fn find_hierarchy(&self) -> Result<Hierarchy, CollectError> {
        let layout =
            Layout::detect(&self.mount).ok_or_else(|| CollectError::Unsupported("no control groups".into()))?;
        // The columns are constant, so they fit together on every host or on none.
        Hierarchy::new(layout, self.interval, self.search_interval)
            .map_err(|_| CollectError::Unsupported("columns of control groups do not fit together".into()))
    }
}

impl Collector for CgroupCollector {
    fn name(&self) -> &'static str {
        "cgroup"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let hierarchy = match &mut self.hierarchy {
            Some(hierarchy) => hierarchy,
            None => {
                let found = self.find_hierarchy()?;
                self.hierarchy.insert(found)
            }
        };
        let is_search = self.tick.is_multiple_of(self.ticks_per_search);
        self.tick += 1;
        if is_search {
            let untracked = hierarchy.search(&self.filter);
            let count = hierarchy.containers.groups.len() + hierarchy.others.groups.len();
            self.host.set(self.host_row, 0, (count + untracked) as f64);
            self.host.set(self.host_row, 1, untracked as f64);
            cx.emit(self.host.frame(cx.timestamp()));
            hierarchy.others.read(&hierarchy.layout, &mut hierarchy.buffer, cx);
        }
        hierarchy.containers.read(&hierarchy.layout, &mut hierarchy.buffer, cx);
        Ok(())
    }
}

impl Hierarchy {
    fn new(layout: Layout, interval: Duration, search_interval: Duration) -> Result<Self, InvalidSchema> {
        Ok(Self {
            containers: Set::new(layout.schema("cgroup", interval)?, MAX_KEPT),
            others: Set::new(layout.schema("cgroup.other", search_interval)?, 0),
            buffer: vec![0; BUFFER_BYTES],
            layout,
        })
    }

    /// Finds the groups anew, and returns how many get no row.
    fn search(&mut self, filter: &NameFilter) -> usize {
        let found = discovery::find(&self.layout, MAX_GROUPS, |path| filter.accepts(path));
        let refused = self.containers.replace(found.containers) + self.others.replace(found.others);
        for group in self.containers.groups.iter_mut().chain(&mut self.others.groups) {
            group.refresh(&self.layout, &mut self.buffer);
        }
        found.surplus + refused
    }
}

impl Set {
    fn new(schema: Arc<Schema>, max_kept: usize) -> Self {
        Self { groups: Vec::new(), table: Table::new(schema), max_kept }
    }

    /// Keeps the groups that are still there, adds the new ones, and returns how many were refused.
    fn replace(&mut self, mut paths: Vec<String>) -> usize {
        paths.sort_unstable();
        let Self { groups, table, .. } = self;
        groups.retain(|group| {
            let stays = paths.binary_search(&group.path).is_ok();
            if !stays {
                group.leave(table);
            }
            stays
        });
        groups.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        paths.retain(|path| groups.binary_search_by(|group| group.path.cmp(path)).is_err());
        let count = paths.len();
        let before = groups.len();
        groups.extend(paths.into_iter().filter_map(|path| Group::new(path, table).ok()));
        count - (groups.len() - before)
    }

    /// Reads every group; those that are gone leave, those that may not be read stay.
    fn read(&mut self, layout: &Layout, buffer: &mut [u8], cx: &mut Collect<'_>) {
        let Self { groups, table, max_kept } = self;
        let mut index = 0;
        groups.retain_mut(|group| {
            let stays = group.read(layout, index < *max_kept, table, buffer) || group.exists(layout);
            index += 1;
            if !stays {
                group.leave(table);
            }
            stays
        });
        if !table.is_empty() {
            cx.emit(table.frame(cx.timestamp()));
        }
    }
}

const SEARCH_SECONDS: f64 = 10.0;
/// The most groups with series.
const MAX_GROUPS: usize = 256;
/// The most containers whose descriptors stay open: five each.
const MAX_KEPT: usize = 64;
/// Room for the longest of the files, `io.stat` with some hundred devices.
const BUFFER_BYTES: usize = 32 << 10;
