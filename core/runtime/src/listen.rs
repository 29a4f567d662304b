//! The listening sockets, and how many connections this machine lets us hold.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
};

use entra_mcp_core::log_event::{Field, LogEvent, LogEventId};

use crate::{log::log, unix::listening};

/// How many connections may wait to be accepted: a burst is not refused before we see it.
const BACKLOG: i32 = 1024;

/// Why there is nothing to listen on.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListenError {
    /// An address cannot be used.
    Address {
        /// The address.
        address: SocketAddr,
        /// The cause.
        error: io::Error,
    },
    /// No address is given.
    NoAddress,
}

impl std::fmt::Display for ListenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address { address, error } => {
                let advice = advice(error.kind());
                write!(f, "Cannot listen on {address}: {error}.\n{advice}")
            }
            Self::NoAddress => f.write_str("There is no address to listen on."),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address { error, .. } => Some(error),
            Self::NoAddress => None,
        }
    }
}

/// Listens on all of these addresses. Where this machine has no IPv6, its addresses are left out
/// as long as another one is there.
///
/// # Errors
///
/// Which address cannot be used and why.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    bind_with(addresses, &mut Vec::new())
}

/// The same, with listeners that are there already.
pub(crate) fn bind_with(
    addresses: &[SocketAddr],
    bound: &mut Vec<TcpListener>,
) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::new();
    let mut left_out = None;
    for address in addresses {
        let is_this =
            |listener: &TcpListener| listener.local_addr().is_ok_and(|bound| bound == *address);
        let listener = match bound.iter().position(is_this) {
            Some(place) => Ok(bound.swap_remove(place)),
            None => listen(*address),
        };
        match listener {
            Ok(listener) => listeners.push(listener),
            Err(error) if address.is_ipv6() && is_without_ipv6(&error) => {
                left_out = Some(ListenError::Address {
                    address: *address,
                    error,
                });
            }
            Err(error) => {
                let address = *address;
                return Err(ListenError::Address { address, error });
            }
        }
    }
    match (listeners.is_empty(), left_out) {
        (false, None) => {}
        (false, Some(error)) => {
            log(&LogEvent::new(LogEventId::ListenSkipped)
                .with_text(Field::Error, error.to_string()));
        }
        (true, Some(error)) => return Err(error),
        (true, None) => return Err(ListenError::NoAddress),
    }
    Ok(listeners)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listening::set_backlog(&listener, BACKLOG)?;
    Ok(listener)
}

fn is_without_ipv6(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || listening::is_unknown_family(error)
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AddrInUse => {
            "Another program listens there: stop it, or choose another port with --listen \
             (ENTRA_MCP_LISTEN) or --dev-tenant-listen."
        }
        ErrorKind::PermissionDenied => "Choose a port above 1023 with --listen (ENTRA_MCP_LISTEN).",
        _ => "Choose an address of this machine with --listen (ENTRA_MCP_LISTEN).",
    }
}

/// How many connections there may be: as many as are set, or fewer if the process may not
/// have that many descriptors. A quarter of these is left for the store, the log, connections to
/// Entra, and those over the limit, which are answered once.
#[must_use]
pub fn connection_ceiling(set: usize) -> usize {
    let descriptors = listening::descriptors().map_or(usize::MAX, |number| {
        usize::try_from(number).unwrap_or(usize::MAX)
    });
    (descriptors - descriptors / 4).clamp(1, set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_in_use_is_an_error_that_names_the_setting() {
        let first = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let taken = first[0].local_addr().unwrap();
        let error = bind(&[taken]).unwrap_err();
        assert!(matches!(error, ListenError::Address { address, .. } if address == taken));
        let message = error.to_string();
        assert!(message.contains("--listen"), "{message}");
        assert!(message.contains(&taken.to_string()), "{message}");
    }

    #[test]
    fn missing_ipv6_loopback_is_skipped() {
        let addresses = ["127.0.0.1:0", "[2001:db8::1]:0"].map(|text| text.parse().unwrap());
        assert_eq!(bind(&addresses).unwrap().len(), 1);
        assert!(bind(&addresses[1..]).is_err());
    }

    #[test]
    fn descriptor_limit_allows_all_connections() {
        let ceiling = connection_ceiling(4608);
        assert!((1..=4608).contains(&ceiling), "{ceiling}");
        assert_eq!(connection_ceiling(7), 7);
    }
}
