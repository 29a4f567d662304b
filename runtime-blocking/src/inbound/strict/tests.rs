//! The raw cases of the end-to-end suite, against the strict loop on a real socket.

use std::{net::SocketAddr, thread::JoinHandle};

use entra_mcp_e2e::echo::{EchoRuntime, assert_refused};

use super::*;
use crate::inbound::echo::EchoService;

entra_mcp_e2e::raw_http_cases!(Strict);

/// This runtime's inbound side.
struct Strict;

impl EchoRuntime for Strict {
    fn start(&self, timeouts: Timeouts) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                std::thread::spawn(move || connection(socket.unwrap(), &EchoService, timeouts));
            }
        });
        address
    }

    fn start_limited(&self, connections: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let service: Arc<dyn Service> = Arc::new(EchoService);
        let limit = Arc::new(ConnectionLimit::new(connections));
        std::thread::spawn(move || serve(&listener, &service, &limit));
        address
    }

    fn serve(&self, socket: TcpStream, timeouts: Timeouts) -> JoinHandle<()> {
        std::thread::spawn(move || connection(socket, &EchoService, timeouts))
    }
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

// L5
#[test]
fn chunks_that_lenient_parsers_accept_are_refused() {
    for chunks in [
        "3 \r\nabc\r\n0\r\n\r\n",
        "3;\0\r\nabc\r\n0\r\n\r\n",
        "0\r\nX: y\n\r\n",
    ] {
        assert_refused(&Strict, 400, &[&format!("{CHUNKED}{chunks}")]);
    }
}

// M8
#[test]
fn chunk_larger_than_the_limit_is_refused_by_its_size() {
    assert_refused(&Strict, 413, &[&format!("{CHUNKED}3e9\r\n")]);
}
