//! Interfaces whose packets are counted: they are found, given a slot each, and let go.

use aya::{
    maps::Array,
    programs::{
        LinkOrder, ProgramError, SchedClassifier, TcAttachType,
        tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle},
    },
};

use super::{
    netlink::{self, Link},
    traffic::{Direction, Side, Traffic, WORDS},
};
use crate::{
    InterfaceFilter,
    kernel::{Kernel, Loaded, Rows, Unavailable},
};

/// Interfaces that programs are attached to, each in the slot that its counters have.
#[derive(Debug)]
pub(super) struct Interfaces {
    filter: InterfaceFilter,
    slots: [Option<Interface>; SLOTS],
    /// What was counted at all of them, those included that left.
    total: Traffic,
    /// The one that worked first; `None` as long as nothing was attached.
    way: Option<Way>,
}

/// How programs are attached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// To a queue of the interface, which is made for it where there is none. Works everywhere. What a process leaves
    /// behind that is killed, the next one takes away.
    Clsact,
    /// To the interface itself, from Linux 6.6 on. Nothing can be left behind.
    Tcx,
}

#[derive(Debug)]
struct Interface {
    link: Link,
    place: u32,
    /// What the counters of its slot said before, and what was counted since it came, for each direction.
    before: [Traffic; 2],
    since: [Traffic; 2],
    _attached: Attached,
}

/// Both programs at an interface.
#[derive(Debug)]
struct Attached {
    way: Way,
    /// Detached before the queue goes.
    _programs: Vec<SchedClassifierLink>,
    _queue: Option<Queue>,
}

/// A queue that was made for programs; it goes with them.
#[derive(Debug)]
struct Queue(u32);

impl Drop for Queue {
    fn drop(&mut self) {
        if let Err(error) = netlink::remove_clsact(self.0) {
            // An interface that left took its queue along.
            tracing::debug!(%error, index = self.0, "cannot take the queue of an interface away");
        }
    }
}

impl Interfaces {
    /// Without a way, the first interface decides which one works.
    pub(super) fn new(filter: InterfaceFilter, way: Option<Way>) -> Self {
        Self { filter, slots: [const { None }; SLOTS], total: Traffic::default(), way }
    }

    /// Attaches to interfaces that came, and lets those go that left; returns the first thing that did not work.
    pub(super) fn scan(&mut self, kernel: &Kernel, loaded: &mut Loaded, counts: &Rows) -> Result<(), Unavailable> {
        let links = netlink::links().map_err(|error| failed("a list of interfaces", error))?;
        let mut wanted: Vec<Link> = links.into_iter().filter(|link| self.filter.accepts(&link.name)).collect();
        self.let_go(&mut wanted, loaded, counts);
        let mut outcome = Ok(());
        let mut left_out = 0;
        for link in wanted {
            match self.find_place(link.index) {
                Some((slot, place)) => {
                    let attached = self.attach(kernel, loaded, counts, (slot, place), link);
                    outcome = outcome.and(attached);
                }
                None => left_out += 1,
            }
        }
        if left_out > 0 {
            outcome = outcome.and_then(|()| Err(failed("so many interfaces", format!("{left_out} are left out"))));
        }
        outcome
    }

    /// Lets those go that are not wanted any more; leaves those in `wanted` that are new.
    fn let_go(&mut self, wanted: &mut Vec<Link>, loaded: &mut Loaded, counts: &Rows) {
        self.count(counts);
        for slot in &mut self.slots {
            let Some(interface) = slot else { continue };
            match wanted.iter().position(|link| link.index == interface.link.index) {
                Some(found) => interface.link = wanted.swap_remove(found),
                None => {
                    let place = interface.place;
                    *slot = None;
                    if let Err(error) = put(loaded, place, [0; 4]) {
                        tracing::debug!(%error, "cannot free the place of an interface");
                    }
                }
            }
        }
    }

    /// Finds a free slot, and a free one of the two places at which programs look for an interface.
    fn find_place(&self, index: u32) -> Option<(usize, u32)> {
        let slot = self.slots.iter().position(Option::is_none)?;
        let places = [index % PLACES, index.wrapping_mul(GOLDEN) >> 24];
        let is_free = |place: &u32| self.slots.iter().flatten().all(|interface| interface.place != *place);
        Some((slot, places.into_iter().find(is_free)?))
    }

    fn attach(
        &mut self,
        kernel: &Kernel,
        loaded: &mut Loaded,
        counts: &Rows,
        (slot, place): (usize, u32),
        link: Link,
    ) -> Result<(), Unavailable> {
        put(loaded, place, [link.index, slot as u32, header_length(link.kind), 0])?;
        let attached = match self.way {
            Some(way) => attach(loaded, &link, way),
            None => attach(loaded, &link, Way::Tcx).or_else(|_| attach(loaded, &link, Way::Clsact)),
        };
        let attached = match attached {
            Ok(attached) => attached,
            Err(error) => {
                put(loaded, place, [0; 4])?;
                return Err(kernel.refusal(NEEDS, &format!("at {}", link.name), &error));
            }
        };
        self.way = Some(attached.way);
        let before = Direction::BOTH.map(|direction| traffic(counts, slot, direction));
        let since = [Traffic::default(); 2];
        if let Some(free) = self.slots.get_mut(slot) {
            *free = Some(Interface { link, place, before, since, _attached: attached });
        }
        Ok(())
    }

    /// Reads what was counted.
    pub(super) fn count(&mut self, counts: &Rows) {
        for (slot, interface) in self.slots.iter_mut().enumerate() {
            let Some(interface) = interface else { continue };
            let both = interface.before.iter_mut().zip(&mut interface.since).zip(Direction::BOTH);
            for ((before, since), direction) in both {
                let now = traffic(counts, slot, direction);
                let growth = now.since(before);
                since.add(&growth);
                self.total.add(&growth);
                *before = now;
            }
        }
    }

    /// Iterates over both directions of interfaces that had any packet.
    pub(super) fn sides(&self) -> impl Iterator<Item = Side<'_>> {
        self.slots.iter().flatten().flat_map(|interface| {
            let sides = Direction::BOTH.into_iter().zip(interface.since);
            let seen = sides.filter(|(_, traffic)| traffic.packets() > 0);
            seen.map(|(direction, traffic)| Side { interface: &interface.link.name, direction, traffic })
        })
    }

    /// Returns what was counted since the start.
    pub(super) const fn total(&self) -> &Traffic {
        &self.total
    }

    /// Returns whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// Returns the name of the interface in a slot, and whether what leaves there does not leave the host.
    pub(super) fn named(&self, slot: usize) -> Option<(&str, bool)> {
        let link = &self.slots.get(slot)?.as_ref()?.link;
        Some((&link.name, link.kind == LOOPBACK))
    }
}

/// Attaches both programs; on an error neither is.
fn attach(loaded: &mut Loaded, link: &Link, way: Way) -> Result<Attached, ProgramError> {
    let mut queue = None;
    if way == Way::Clsact {
        queue = make_queue(link.index).map_err(|error| ProgramError::IOError(error.into()))?;
    }
    let mut programs = Vec::new();
    for (name, side) in PROGRAMS {
        let options = match way {
            Way::Clsact => TcAttachOptions::Netlink(filter(std::process::id())),
            Way::Tcx => TcAttachOptions::TcxOrder(LinkOrder::default()),
        };
        let program = program(loaded, name)?;
        let id = program.attach_with_options(&link.name, side, options)?;
        programs.push(program.take_link(id)?);
    }
    Ok(Attached { way, _programs: programs, _queue: queue })
}

/// Makes the queue of an interface; returns it unless it was somebody else's before.
fn make_queue(index: u32) -> rustix::io::Result<Option<Queue>> {
    let was_ours = netlink::remove_left_behind(index, PRIORITY)?;
    let is_new = netlink::add_clsact(index)?;
    // Not `then_some`: a queue that is dropped is taken away.
    Ok((is_new || was_ours).then(|| Queue(index)))
}

/// Where the programs of a process stand in a queue.
pub(super) fn filter(pid: u32) -> NlOptions {
    NlOptions { priority: PRIORITY, handle: TcHandle::from(pid), ..NlOptions::default() }
}

/// Loads both programs into the kernel.
pub(super) fn load(kernel: &Kernel, loaded: &mut Loaded) -> Result<(), Unavailable> {
    for (name, _) in PROGRAMS {
        let outcome = program(loaded, name).and_then(SchedClassifier::load);
        outcome.map_err(|error| kernel.refusal(NEEDS, name, &error))?;
    }
    Ok(())
}

fn program<'a>(loaded: &'a mut Loaded, name: &str) -> Result<&'a mut SchedClassifier, ProgramError> {
    let program = loaded.ebpf().program_mut(name);
    program.ok_or_else(|| ProgramError::InvalidName { name: name.to_owned() })?.try_into()
}

/// Writes a `struct obs_interface`.
fn put(loaded: &mut Loaded, place: u32, interface: [u32; 4]) -> Result<(), Unavailable> {
    let map = loaded.ebpf().map_mut("obs_interfaces").ok_or_else(|| failed("a list of interfaces", "it is absent"))?;
    let mut places: Array<_, [u32; 4]> = map.try_into().map_err(|error| failed("a list of interfaces", error))?;
    places.set(place, interface, 0).map_err(|error| failed("an interface", error))
}

fn traffic(counts: &Rows, slot: usize, direction: Direction) -> Traffic {
    let mut words = [0; WORDS];
    let index = slot * 2 + usize::from(direction == Direction::Transmit);
    words.iter_mut().enumerate().for_each(|(word, sum)| *sum = counts.sum(index, word));
    Traffic::new(words)
}

/// Returns how many bytes lie before the header of the network; what the programs take as "not known" for kinds of
/// links whose headers they cannot read.
const fn header_length(kind: u16) -> u32 {
    match kind {
        ETHERNET | LOOPBACK => 14,
        RAW_IP | PPP | TUNNEL | TUNNEL6 | SIT | NO_LINK => 0,
        _ => NOT_KNOWN,
    }
}

fn failed(what: &str, reason: impl std::fmt::Display) -> Unavailable {
    Unavailable::Failed { what: what.to_owned(), reason: reason.to_string() }
}

/// As in the programs.
pub(super) const SLOTS: usize = 32;
const PLACES: u32 = 256;
const GOLDEN: u32 = 0x9E37_79B1;
const NOT_KNOWN: u32 = 255;
/// Behind what others set by hand, and before what the kernel picks for those who do not care.
const PRIORITY: u16 = 40_021;

pub(super) const NEEDS: &str = "CAP_NET_ADMIN";
const PROGRAMS: [(&str, TcAttachType); 2] =
    [("net_ingress", TcAttachType::Ingress), ("net_egress", TcAttachType::Egress)];

const ETHERNET: u16 = 1;
const PPP: u16 = 512;
const RAW_IP: u16 = 519;
const TUNNEL: u16 = 768;
const TUNNEL6: u16 = 769;
const LOOPBACK: u16 = 772;
const SIT: u16 = 776;
/// `wireguard` and `tun`.
const NO_LINK: u16 = 65_534;
