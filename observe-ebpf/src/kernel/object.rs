//! Objects: programs and maps of one feature, loaded into the kernel until they are dropped.

use std::{
    fs,
    os::fd::{AsFd, AsRawFd},
    time::{Duration, Instant},
};

use aya::{
    Btf, Ebpf,
    maps::{Map, MapData, RingBuf},
    programs::{Program, ProgramError},
};
use observe_core::ProgramStatus;

use super::{Kernel, Ring, Rows, Unavailable, loader::Loader, reason::Circumstances};

/// The programs of one feature, compiled once for each kind of tracepoint.
#[derive(Debug)]
pub(crate) struct Object {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    /// For tracepoints that know types.
    pub(crate) traced: &'static [u8],
    /// For raw tracepoints; `None` for programs that attach in other ways.
    pub(crate) raw: Option<&'static [u8]>,
    /// What its programs need beside `CAP_BPF`.
    pub(crate) needs: &'static str,
}

#[cfg(test)]
impl Object {
    /// Returns the programs for raw tracepoints alone, as if the kernel refused the others.
    pub(crate) fn twin(&self) -> Self {
        Self { traced: self.raw.unwrap(), raw: None, ..*self }
    }
}

/// What is set before an object is loaded.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    globals: Vec<(&'static str, Vec<u8>)>,
    optional: &'static [&'static str],
    sizes: Vec<(&'static str, u32)>,
    typeless: Option<&'static [&'static str]>,
}

impl Setup {
    pub(super) fn globals(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.globals.iter().map(|(name, value)| (*name, value.as_slice()))
    }

    pub(super) fn sizes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.sizes.iter().copied()
    }

    /// Sets a constant of the programs.
    pub(crate) fn global(mut self, name: &'static str, value: &impl Global) -> Self {
        self.globals.push((name, value.bytes()));
        self
    }

    /// Says that the twin for raw tracepoints reads nothing of the kernel's, and which points it needs: it works where the
    /// kernel does not describe its types.
    pub(crate) const fn typeless(mut self, points: &'static [&'static str]) -> Self {
        self.typeless = Some(points);
        self
    }

    /// Names points that are attached as well, where the kernel has them.
    pub(crate) const fn optional(mut self, points: &'static [&'static str]) -> Self {
        self.optional = points;
        self
    }

    /// Sets the size of the ring, and how many records a second and processor may go in.
    pub(crate) fn with_ring(self, kernel: &Kernel, bytes: u32, rate: u32) -> Self {
        self.global("cfg_ring_rate", &rate).size("obs_ring", bytes).size("obs_ring_counts", kernel.cpus())
    }

    /// Sets the number of elements of a map, or the bytes of a ring.
    pub(crate) fn size(mut self, map: &'static str, entries: u32) -> Self {
        self.sizes.push((map, entries));
        self
    }
}

/// A value of a constant.
pub(crate) trait Global {
    /// Returns the bytes in memory.
    fn bytes(&self) -> Vec<u8>;
}

impl Global for u32 {
    fn bytes(&self) -> Vec<u8> {
        self.to_ne_bytes().into()
    }
}

impl Global for u64 {
    fn bytes(&self) -> Vec<u8> {
        self.to_ne_bytes().into()
    }
}

impl<const N: usize> Global for [u64; N] {
    fn bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|value| value.to_ne_bytes()).collect()
    }
}

impl Kernel {
    pub(super) fn circumstances<T>(&self, needs: &'static str, understand: impl FnOnce(&Circumstances<'_>) -> T) -> T {
        let facts = self.board().read().facts;
        let lockdown = facts.lockdown.as_deref();
        understand(&Circumstances { capabilities: &facts.capabilities, lockdown, needs })
    }

    /// Understands why a program was not loaded or attached.
    pub(crate) fn refusal(&self, needs: &'static str, program: &str, error: &ProgramError) -> Unavailable {
        self.circumstances(needs, |circumstances| circumstances.of_program(program, error))
    }

    /// Loads an object and attaches a program to each of `points`, which are named alike.
    ///
    /// Where the kernel does not take tracepoints that know types, the twin for raw ones is tried.
    pub(crate) fn trace(&self, object: &Object, setup: &Setup, points: &[&'static str]) -> Result<Loaded, Unavailable> {
        self.with_loader(|loader| {
            // Without types, fields would be read from where they are not.
            if loader.points().is_none() && setup.typeless.is_none() {
                return Err(Unavailable::NoBtf);
            }
            let mut attached = |bytes, kind, points: &[&'static str]| {
                let loaded = self.load_with(loader, object, bytes, setup, kind)?;
                loaded.attach(self, loader.points(), setup, points)
            };
            match (attached(object.traced, TRACED, points), object.raw) {
                (Err(reason), Some(raw)) if reason.may_be_the_type() => {
                    tracing::warn!(object.name, %reason, "raw tracepoints stand in for those that know types");
                    let twin = attached(raw, RAW, setup.typeless.unwrap_or(points));
                    // The first reason is the one that tells something.
                    twin.map_err(|_| reason)
                }
                (outcome, _) => outcome,
            }
        })
    }

    /// Loads an object; its programs are in the kernel only after they were attached.
    pub(crate) fn load(&self, object: &Object, setup: &Setup, kind: &'static str) -> Result<Loaded, Unavailable> {
        self.with_loader(|loader| self.load_with(loader, object, object.traced, setup, kind))
    }

    fn load_with(
        &self,
        loader: &mut Loader,
        object: &Object,
        bytes: &'static [u8],
        setup: &Setup,
        kind: &'static str,
    ) -> Result<Loaded, Unavailable> {
        let started = Instant::now();
        let ebpf = loader.load(bytes, setup).map_err(|error| {
            self.circumstances(object.needs, |circumstances| circumstances.of_object(object.name, &error))
        })?;
        let (points, load_time) = (Vec::new(), Duration::ZERO);
        Ok(Loaded { ebpf, kind, needs: object.needs, points, started, load_time })
    }
}

/// An object in the kernel. Dropping it detaches its programs and frees its maps.
#[derive(Debug)]
pub(crate) struct Loaded {
    ebpf: Ebpf,
    kind: &'static str,
    needs: &'static str,
    /// The tracepoints that programs are attached to.
    points: Vec<&'static str>,
    started: Instant,
    load_time: Duration,
}

impl Loaded {
    /// Returns the programs and maps.
    pub(crate) fn ebpf(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// Returns how long it took to load and attach.
    pub(crate) const fn load_time(&self) -> Duration {
        self.load_time
    }

    /// Notes that everything is attached.
    pub(crate) fn attached(mut self) -> Self {
        self.load_time = self.started.elapsed();
        self
    }

    /// Returns whether a program is attached to a tracepoint.
    pub(crate) fn has(&self, point: &str) -> bool {
        self.points.contains(&point)
    }

    /// Attaches the program of each tracepoint.
    fn attach(
        mut self,
        kernel: &Kernel,
        btf: Option<&Btf>,
        setup: &Setup,
        points: &[&'static str],
    ) -> Result<Self, Unavailable> {
        let optional = setup.optional.iter().map(|point| (point, true));
        for (point, is_optional) in points.iter().map(|point| (point, false)).chain(optional) {
            let outcome = attach(&mut self.ebpf, btf, point);
            match outcome.map_err(|error| kernel.refusal(self.needs, point, &error)) {
                Ok(()) => self.points.push(point),
                Err(Unavailable::Missing(what)) if is_optional => tracing::debug!(what, "the kernel lacks a point"),
                Err(reason) => return Err(reason),
            }
        }
        Ok(self.attached())
    }

    /// Maps an array of `rows` elements a processor into memory.
    pub(crate) fn rows(&self, kernel: &Kernel, map: &str, rows: u32) -> Result<Rows, Unavailable> {
        let Some(Map::Array(data)) = self.ebpf.map(map) else { return Err(absent(map)) };
        Rows::new(data, kernel.cpus(), rows).map_err(|error| failed(map, &error))
    }

    /// Takes the ring, and the counts beside it.
    pub(crate) fn ring(&mut self, kernel: &Kernel) -> Result<Ring, Unavailable> {
        let counts = self.rows(kernel, "obs_ring_counts", 1)?;
        let map = self.ebpf.take_map("obs_ring").ok_or_else(|| absent("obs_ring"))?;
        let ring: RingBuf<MapData> = map.try_into().map_err(|error| failed("obs_ring", &error))?;
        Ok(Ring::new(ring, counts))
    }

    /// Says how the programs are doing.
    pub(crate) fn programs(&self) -> Vec<ProgramStatus> {
        let status = |(name, program): (&str, &Program)| {
            let info = program.info().ok()?;
            Some(ProgramStatus {
                name: name.to_owned(),
                kind: self.kind,
                is_attached: true,
                run_count: info.run_count(),
                run_time: info.run_time(),
                memory_bytes: info.memory_locked().map_or(0, u64::from),
            })
        };
        // Programs that were not asked for are in the object, not in the kernel.
        self.ebpf.programs().filter_map(status).collect()
    }

    /// Adds up the kernel memory of all maps but a ring that was taken.
    pub(crate) fn map_bytes(&self) -> u64 {
        self.ebpf.maps().filter_map(|(_, map)| map_data(map)).map(|data| locked_bytes(data.fd())).sum()
    }
}

/// Attaches the program called `point` to the tracepoint of that name.
fn attach(ebpf: &mut Ebpf, btf: Option<&Btf>, point: &str) -> Result<(), ProgramError> {
    let program = ebpf.program_mut(point).ok_or_else(|| ProgramError::InvalidName { name: point.to_owned() })?;
    match program {
        Program::BtfTracePoint(program) => {
            let btf = btf.ok_or(ProgramError::UnexpectedProgramType)?;
            program.load(point, btf)?;
            program.attach()?;
        }
        Program::RawTracePoint(program) => {
            program.load()?;
            if let Err(error) = program.attach(point) {
                program.unload()?;
                return Err(error);
            }
        }
        _ => return Err(ProgramError::UnexpectedProgramType),
    }
    Ok(())
}

/// Returns the kernel memory behind a descriptor, as its `fdinfo` tells it.
pub(crate) fn locked_bytes(map: impl AsFd) -> u64 {
    let path = format!("/proc/self/fdinfo/{}", map.as_fd().as_raw_fd());
    let text = fs::read_to_string(path).unwrap_or_default();
    let memory = text.lines().find_map(|line| line.strip_prefix("memlock:"));
    memory.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0)
}

const fn map_data(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LruHashMap(data)
        | Map::PerCpuArray(data)
        | Map::PerCpuHashMap(data)
        | Map::PerCpuLruHashMap(data)
        | Map::RingBuf(data)
        | Map::StackTraceMap(data) => Some(data),
        _ => None,
    }
}

fn absent(map: &str) -> Unavailable {
    Unavailable::Failed { what: format!("map {map}"), reason: "it is not in the object".to_owned() }
}

fn failed(map: &str, error: &dyn std::error::Error) -> Unavailable {
    Unavailable::Failed { what: format!("map {map}"), reason: error.to_string() }
}

const TRACED: &str = "tp_btf";
const RAW: &str = "raw_tracepoint";
