//! What the kernel is asked about interfaces, and told about the queue that old ways of attaching need.

use std::{os::fd::OwnedFd, time::Duration};

use rustix::{
    io::{self, Errno},
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, send, socket_with, sockopt},
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
    let mut links = Vec::new();
    dump(GET_LINK, &[0; LINK_HEADER], |kind, body| {
        if kind == NEW_LINK && links.len() < MAX_LINKS {
            links.extend(parse_link(body));
        }
    })?;
    Ok(links)
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
    let mut others = 0;
    for parent in [INGRESS, EGRESS] {
        dump(GET_FILTER, &queue(index, 0, parent), |kind, _| others += usize::from(kind == NEW_FILTER))?;
    }
    if others > 0 { Ok(()) } else { change(DELETE_QUEUE, 0, index) }
}

fn change(kind: u16, flags: u16, index: u32) -> io::Result<()> {
    let mut body = queue(index, CLSACT_HANDLE, CLSACT);
    // The attribute that names the kind of queue: its length, its number, its text with a zero, and padding.
    body.extend([11_u16, 1].map(u16::to_ne_bytes).as_flattened());
    body.extend(b"clsact\0\0");
    exchange(kind, flags | ACKNOWLEDGE, &body, |_, _| {})
}

/// Makes a `struct tcmsg`.
fn queue(index: u32, handle: u32, parent: u32) -> Vec<u8> {
    [0, index, handle, parent, 0].map(u32::to_ne_bytes).as_flattened().to_vec()
}

fn dump(kind: u16, body: &[u8], each: impl FnMut(u16, &[u8])) -> io::Result<()> {
    exchange(kind, DUMP, body, each)
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

/// Goes through the messages of one answer; returns whether it is the last.
fn read(mut bytes: &[u8], each: &mut impl FnMut(u16, &[u8])) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        let Some(body) = bytes.get(HEADER..length) else { return Err(Errno::BADMSG) };
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
const MAX_LINKS: usize = 65_536;
const PATIENCE: Duration = Duration::from_secs(2);

const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
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

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read(&bytes, &mut |_, _| {});
            parse_link(&bytes);
        }
    }
}
