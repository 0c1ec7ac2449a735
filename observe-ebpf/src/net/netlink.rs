//! What the kernel is asked about interfaces, and told about the queue that old ways of attaching need.

use std::{os::fd::OwnedFd, time::Duration};

use rustix::{
    io::{self, Errno},
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, send, socket_with, sockopt},
    process::{Pid, test_kill_process},
};

/// An interface of the network namespace that this thread is in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    /// What kind of link it is, as `ARPHRD_ETHER` and its like.
    pub(super) kind: u16,
}

/// Lists the interfaces.
pub(super) fn links() -> io::Result<Vec<Link>> {
    dump(GET_LINK, &[0; LINK_HEADER], |kind, body| if kind == NEW_LINK { parse_link(body) } else { None })
}

/// Gives an interface the queue that programs attach to; returns whether it had none.
pub(super) fn add_clsact(index: u32) -> io::Result<bool> {
    match change(NEW_QUEUE, CREATE | EXCLUSIVE, index) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes the queue away, unless other programs are attached to it by now.
pub(super) fn remove_clsact(index: u32) -> io::Result<()> {
    if filters(index)?.is_empty() { change(DELETE_QUEUE, 0, index) } else { Ok(()) }
}

/// Takes filters away that a process like this one left behind when it was killed; returns whether there were any.
/// Filters of `priority` say in their handles whose they are.
pub(super) fn remove_left_behind(index: u32, priority: u16) -> io::Result<bool> {
    let mut filters = filters(index)?;
    filters.retain(|filter| filter.info >> 16 == u32::from(priority) && is_left_behind(filter.handle));
    for Filter { parent, handle, info } in &filters {
        exchange(DELETE_FILTER, ACKNOWLEDGE, &traffic_control(index, *handle, *parent, *info), |_, _| {})?;
    }
    Ok(!filters.is_empty())
}

/// Returns whether no other process has an id. Who had that of this process before is gone.
fn is_left_behind(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    pid == rustix::process::getpid() || test_kill_process(pid) == Err(Errno::SRCH)
}

/// A filter of the queue that programs attach to.
struct Filter {
    parent: u32,
    handle: u32,
    /// The priority, then the protocol.
    info: u32,
}

fn filters(index: u32) -> io::Result<Vec<Filter>> {
    let mut filters = Vec::new();
    for parent in [INGRESS, EGRESS] {
        let request = traffic_control(index, 0, parent, 0);
        filters.extend(dump(GET_FILTER, &request, |kind, body| {
            let (handle, info) = (u32_at(body, 8)?, u32_at(body, 16)?);
            // Before each filter stands one without a handle, which tells the priority alone.
            (kind == NEW_FILTER && handle != 0).then_some(Filter { parent, handle, info })
        })?);
    }
    Ok(filters)
}

fn change(kind: u16, flags: u16, index: u32) -> io::Result<()> {
    let mut body = traffic_control(index, CLSACT_HANDLE, CLSACT, 0);
    // The attribute that names the kind of queue: its length, its number, its text with a zero, and padding.
    body.extend([11_u16, 1].map(u16::to_ne_bytes).as_flattened());
    body.extend(b"clsact\0\0");
    exchange(kind, flags | ACKNOWLEDGE, &body, |_, _| {})
}

/// Makes a `struct tcmsg`.
fn traffic_control(index: u32, handle: u32, parent: u32, info: u32) -> Vec<u8> {
    [0, index, handle, parent, info].map(u32::to_ne_bytes).as_flattened().to_vec()
}

/// Asks for a list. One that changed while the kernel made it is asked for once more.
fn dump<T>(kind: u16, body: &[u8], parse: impl Fn(u16, &[u8]) -> Option<T>) -> io::Result<Vec<T>> {
    let list = || {
        let mut items = Vec::new();
        exchange(kind, DUMP, body, |kind, body| {
            if items.len() < MAX_ITEMS {
                items.extend(parse(kind, body));
            }
        })?;
        Ok(items)
    };
    match list() {
        Err(Errno::INTR) => list(),
        outcome => outcome,
    }
}

/// Sends one request, and hands what comes back to `each` until the kernel says that this was all.
fn exchange(kind: u16, flags: u16, body: &[u8], mut each: impl FnMut(u16, &[u8])) -> io::Result<()> {
    let socket = open()?;
    let length = u32::try_from(HEADER + body.len()).map_err(|_| Errno::MSGSIZE)?;
    let mut request = length.to_ne_bytes().to_vec();
    request.extend([kind, flags | REQUEST].map(u16::to_ne_bytes).as_flattened());
    request.extend([1_u32, 0].map(u32::to_ne_bytes).as_flattened());
    request.extend(body);
    send(&socket, &request, SendFlags::empty())?;
    let mut buffer = vec![0; BUFFER];
    for _ in 0..MAX_ANSWERS {
        let (length, _) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        if read(buffer.get(..length).unwrap_or_default(), &mut each)? {
            return Ok(());
        }
    }
    Err(Errno::OVERFLOW)
}

fn open() -> io::Result<OwnedFd> {
    // The protocol of routes and interfaces is 0, the one that is taken where none is named.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
    Ok(socket)
}

/// Goes through the messages of one answer; returns whether it is the last. `INTR` says that the list changed
/// meanwhile, so that something may be missing from it.
fn read(mut bytes: &[u8], each: &mut impl FnMut(u16, &[u8])) -> io::Result<bool> {
    while let (Some(length), Some(kind), Some(flags)) = (u32_at(bytes, 0), u16_at(bytes, 4), u16_at(bytes, 6)) {
        let length = length as usize;
        let Some(body) = bytes.get(HEADER..length) else { return Err(Errno::BADMSG) };
        if flags & DUMP_INTERRUPTED != 0 {
            return Err(Errno::INTR);
        }
        match kind {
            DONE => return Ok(true),
            ERROR => {
                return match u32_at(body, 0).ok_or(Errno::BADMSG)?.cast_signed() {
                    0 => Ok(true),
                    error => Err(Errno::from_raw_os_error(error.wrapping_neg())),
                };
            }
            kind => each(kind, body),
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// Reads a `struct ifinfomsg` and the attributes behind it.
fn parse_link(body: &[u8]) -> Option<Link> {
    let (kind, index) = (u16_at(body, 2)?, u32_at(body, 4)?);
    let mut attributes = body.get(LINK_HEADER..)?;
    loop {
        let length = usize::from(u16_at(attributes, 0)?);
        let value = attributes.get(4..length)?;
        if u16_at(attributes, 2)? == NAME {
            let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
            return Some(Link { index, name: String::from_utf8_lossy(value.get(..end)?).into_owned(), kind });
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().map(u16::from_ne_bytes).ok()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().map(u32::from_ne_bytes).ok()
}

const HEADER: usize = 16;
const LINK_HEADER: usize = 16;
const BUFFER: usize = 32 << 10;
/// Far more than any list of interfaces needs.
const MAX_ANSWERS: usize = 4096;
const MAX_ITEMS: usize = 65_536;
const PATIENCE: Duration = Duration::from_secs(2);

const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const DUMP_INTERRUPTED: u16 = 0x10;
const DUMP: u16 = 0x300;
const EXCLUSIVE: u16 = 0x200;
const CREATE: u16 = 0x400;

const ERROR: u16 = 2;
const DONE: u16 = 3;
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_QUEUE: u16 = 36;
const DELETE_QUEUE: u16 = 37;
const NEW_FILTER: u16 = 44;
const DELETE_FILTER: u16 = 45;
const GET_FILTER: u16 = 46;

/// The attribute with the name of an interface.
const NAME: u16 = 3;
const CLSACT: u32 = 0xFFFF_FFF1;
const CLSACT_HANDLE: u32 = 0xFFFF_0000;
const INGRESS: u32 = 0xFFFF_FFF2;
const EGRESS: u32 = 0xFFFF_FFF3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn this_host_has_a_loopback() {
        let links = links().unwrap();

        assert!(links.iter().any(|link| link.name == "lo" && link.kind == 772), "{links:?}");
    }

    #[test]
    fn a_message_longer_than_its_answer_is_refused() {
        let mut bytes = 100_u32.to_ne_bytes().to_vec();
        bytes.extend([0; 28]);

        assert_eq!(read(&bytes, &mut |_, _| {}), Err(Errno::BADMSG));
    }

    #[test]
    fn a_list_that_changed_while_it_was_made_is_not_taken_as_complete() {
        for kind in [NEW_LINK, DONE] {
            let mut bytes = 20_u32.to_ne_bytes().to_vec();
            bytes.extend([kind, DUMP_INTERRUPTED | 2].map(u16::to_ne_bytes).as_flattened());
            bytes.extend([0; 12]);

            let mut taken = 0;

            assert_eq!(read(&bytes, &mut |_, _| taken += 1), Err(Errno::INTR));
            assert_eq!(taken, 0);
        }
    }

    #[test]
    fn the_id_of_another_process_that_lives_is_not_left_behind() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let of_child = child.id();
        assert!(!is_left_behind(of_child));

        child.kill().unwrap();
        child.wait().unwrap();

        let others = [0, 1, u32::MAX].map(is_left_behind);
        assert_eq!((is_left_behind(of_child), is_left_behind(std::process::id()), others), (true, true, [false; 3]));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read(&bytes, &mut |_, _| {});
            parse_link(&bytes);
        }
    }
}
