//! Listening, and saying why it did not work.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::Config;

/// Says which address cannot be listened on, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another program listens there.
    #[error("cannot listen on {address}: another program does; stop it or choose another `server.port`")]
    Taken {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program may not listen there.
    #[error(
        "cannot listen on {address}: no permission; choose a `server.port` above 1023 or grant CAP_NET_BIND_SERVICE"
    )]
    Forbidden {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// This host does not have the address, or nobody knows the name.
    #[error("cannot listen on {address}: this host has no such address; check `server.host`")]
    Unknown {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot listen on {address}")]
    Other {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    fn new(address: &str, source: io::Error) -> Self {
        let address = address.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { address, source },
            io::ErrorKind::PermissionDenied => Self::Forbidden { address, source },
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::NotFound => Self::Unknown { address, source },
            _ => Self::Other { address, source },
        }
    }
}

/// Listens on the address of the settings and on all further ones.
pub(super) async fn listeners(config: &Config) -> Result<Vec<TcpListener>, BindError> {
    let main = match config.host.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, config.port).to_string(),
        Err(_) => format!("{}:{}", config.host, config.port),
    };
    let mut listeners = Vec::new();
    for address in std::iter::once(&main).chain(&config.extra_listeners) {
        let listener = listen(address).await.map_err(|source| BindError::new(address, source))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

async fn listen(address: &str) -> io::Result<TcpListener> {
    // What cannot be looked up has no kind of its own on every system.
    let unknown = |error: io::Error| io::Error::new(io::ErrorKind::NotFound, error);
    let found = match address.parse::<SocketAddr>() {
        Ok(address) => Some(address),
        Err(_) => lookup_host(address).await.map_err(unknown)?.next(),
    };
    let address = found.ok_or(io::ErrorKind::NotFound)?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the connections of the program before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

const BACKLOG: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(host: &str, port: u16) -> Config {
        Config { host: host.into(), port, ..Config::default() }
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_what_to_do() {
        let first = listeners(&config("127.0.0.1", 0)).await.unwrap();
        let port = first[0].local_addr().unwrap().port();

        let error = listeners(&config("127.0.0.1", port)).await.unwrap_err();

        assert!(matches!(error, BindError::Taken { .. }));
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.to_string().contains("server.port"), "{error}");
    }

    #[tokio::test]
    async fn addresses_of_other_hosts_are_unknown() {
        let error = listeners(&config("192.0.2.1", 0)).await.unwrap_err();

        assert!(matches!(error, BindError::Unknown { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_bad_further_address_is_named() {
        let mut config = config("127.0.0.1", 0);
        config.extra_listeners = vec!["no port".into()];

        let error = listeners(&config).await.unwrap_err();

        assert!(error.to_string().contains("no port"), "{error}");
    }

    #[tokio::test]
    async fn several_addresses_are_listened_on() {
        let mut config = config("127.0.0.1", 0);
        config.extra_listeners = vec!["127.0.0.1:0".into()];

        assert_eq!(listeners(&config).await.unwrap().len(), 2);
    }

    #[test]
    fn missing_permission_is_said_so() {
        let error = BindError::new("0.0.0.0:80", io::ErrorKind::PermissionDenied.into());

        assert!(error.to_string().contains("CAP_NET_BIND_SERVICE"));
    }
}
