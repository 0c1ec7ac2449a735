//! A network between a store and its server, which can lose what it should bring.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// What becomes of connections. Each decides when it sees a commit, and stays lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Network {
    Works,
    /// A commit reaches the server, its answer does not come back.
    LosesAnswers,
    /// A commit does not reach the server, and nothing else does.
    LosesCommits,
    /// Nothing arrives.
    Broken,
}

/// Listens on a port and goes on to the socket of a server.
pub(crate) struct Proxy {
    port: u16,
    network: Arc<AtomicU8>,
}

impl Proxy {
    pub(crate) fn start(server: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = Arc::new(AtomicU8::new(Network::Works as u8));
        let (socket, state) = (server.join(".s.PGSQL.5432"), Arc::clone(&network));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, socket, state) = (client.unwrap(), socket.clone(), Arc::clone(&state));
                thread::spawn(move || connect(client, socket, &state));
            }
        });
        Self { port, network }
    }

    pub(crate) fn becomes(&self, network: Network) {
        self.network.store(network as u8, SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://observe@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}

fn connect(mut client: TcpStream, socket: PathBuf, network: &Arc<AtomicU8>) {
    let is = |state: Network| network.load(SeqCst) == state as u8;
    let Ok(mut server) = UnixStream::connect(socket) else { return };
    let lost = Arc::new(AtomicU8::new(0));
    let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (is_deaf, state) = (Arc::clone(&lost), Arc::clone(network));
    thread::spawn(move || {
        let mut bytes = [0; 8_192];
        while let Ok(length @ 1..) = answers.read(&mut bytes) {
            let is_lost = is_deaf.load(SeqCst) > 0 || state.load(SeqCst) == Network::Broken as u8;
            if !is_lost && back.write_all(&bytes[..length]).is_err() {
                return;
            }
        }
    });
    let mut bytes = [0; 8_192];
    while let Ok(length @ 1..) = client.read(&mut bytes) {
        let some = &bytes[..length];
        let commits = some.windows(6).any(|word| word == b"COMMIT");
        if commits && (is(Network::LosesAnswers) || is(Network::LosesCommits)) {
            lost.store(1, SeqCst);
        }
        let is_lost = lost.load(SeqCst) > 0 && is(Network::LosesCommits) || is(Network::Broken);
        if is_lost {
            // The server never hears of the end of this connection.
            thread::sleep(Duration::from_secs(600));
        }
        if server.write_all(some).is_err() {
            return;
        }
    }
}
