//! The raw cases of the end-to-end suite, against the strict loop on a real socket.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread::JoinHandle,
};

use entra_mcp_e2e::echo::EchoRuntime;
use entra_mcp_runtime::InboundLimits;

use super::*;
use crate::inbound::echo::EchoService;
use crate::listen::AtWork;

entra_mcp_e2e::raw_http_cases!(Strict);

/// This runtime's inbound side.
struct Strict;

fn serve_echo(socket: TcpStream, timeouts: Timeouts) {
    let limit = Arc::new(ConnectionLimit::new(InboundLimits::of_connections(1)));
    let permit = limit.acquire(Ipv4Addr::LOCALHOST.into()).unwrap();
    connection(
        socket,
        Arc::new(EchoService),
        permit,
        timeouts,
        Arc::default(),
    );
}

impl EchoRuntime for Strict {
    fn start(&self, timeouts: Timeouts) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                std::thread::spawn(move || serve_echo(socket.unwrap(), timeouts));
            }
        });
        address
    }

    fn start_limited(&self, limits: InboundLimits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let service: Arc<dyn Service> = Arc::new(EchoService);
        let limit = Arc::new(ConnectionLimit::new(limits));
        std::thread::spawn(move || serve(&listener, &service, &limit, &AtWork::for_ever()));
        address
    }

    fn serve(&self, socket: TcpStream, timeouts: Timeouts) -> JoinHandle<()> {
        std::thread::spawn(move || serve_echo(socket, timeouts))
    }
}
