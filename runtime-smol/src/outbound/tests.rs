mod tls;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{Receiver, channel},
};

use entra_mcp_e2e::cases::{
    open_fetches::{Opened, Pieces},
    outbound::FetchRuntime,
};
use smol::future::poll_fn;

use super::*;
use crate::executor::ExecutorThreads;

entra_mcp_e2e::outbound_cases!(Smol);

/// This runtime's outbound side.
struct Smol;

impl FetchRuntime for Smol {
    fn fetcher(&self, egress: Egress) -> impl Fn(Fetch) -> <Fetch as Ask>::Answer {
        let fetcher = Fetcher::through(egress);
        move |fetch| fetcher.fetch(fetch)
    }

    fn opener(&self) -> impl Fn(Fetch, Duration) -> Opened {
        let fetcher = Arc::new(Fetcher::new());
        move |fetch, kept_open| {
            let opened = fetcher.outbound.fetch_open(fetch, kept_open);
            let (head, body) = fetcher.executor.run(opened).unwrap()?;
            let fetcher = Arc::clone(&fetcher);
            let pieces = |mut body: OpenBody| {
                let next = move || {
                    let next = poll_fn(|cx| body.poll_next(cx));
                    fetcher.executor.run(next).unwrap().transpose()
                };
                Box::new(next) as Pieces
            };
            Ok((head, body.map(pieces)))
        }
    }
}

/// The outbound side, with an executor to wait on.
struct Fetcher {
    executor: ExecutorThreads,
    outbound: Outbound,
}

impl Fetcher {
    fn new() -> Self {
        Self::through(Egress::default())
    }

    fn through(egress: Egress) -> Self {
        let executor = ExecutorThreads::new();
        let outbound = Outbound::new(executor.handle(), Arc::new(egress));
        Self { executor, outbound }
    }

    fn fetch(&self, fetch: Fetch) -> <Fetch as Ask>::Answer {
        self.executor.run(self.outbound.fetch(fetch)).unwrap()
    }
}

fn fetch(uri: &str, target: impl FnOnce(Request<Bytes>) -> FetchTarget) -> Fetch {
    Fetch {
        target: target(Request::get(uri).body(Bytes::new()).unwrap()),
        body_limit: 10,
        within: Duration::from_secs(10),
        kept_open: None,
    }
}

/// A host that answers so many requests on each connection and then closes it; how many requests
/// came on which connection arrives here.
fn keeping_host(requests: usize) -> (SocketAddr, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, asks) = channel();
    std::thread::spawn(move || {
        for (number, socket) in listener.incoming().enumerate() {
            let mut socket = socket.unwrap();
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            for _ in 0..requests {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
                asked.send(number).unwrap();
                socket
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                    .unwrap();
            }
        }
    });
    (address, asks)
}

// RFC 9110 section 9.2.2, RFC 9112 section 9.3.1
#[test]
fn request_on_a_kept_connection_that_breaks_is_sent_again_only_if_its_method_is_safe() {
    for method in [http::Method::GET, http::Method::POST] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                // The first request is answered; the connection breaks after the second has come.
                for response in [&b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"[..], b""] {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
                    socket.write_all(response).unwrap();
                }
            }
        });
        let outbound = Fetcher::new();
        let send = || {
            let mut fetch = fetch(&format!("http://{address}/"), FetchTarget::Configured);
            let FetchTarget::Configured(request) = &mut fetch.target else {
                panic!("the host is configured");
            };
            *request.method_mut() = method.clone();
            outbound
                .fetch(fetch)
                .map(|response| response.status().as_u16())
        };
        assert_eq!(send(), Ok(200));
        let second = match method {
            http::Method::GET => Ok(200),
            _ => Err(FetchFault::Unreachable),
        };
        assert_eq!(send(), second, "{method}");
    }
}

#[test]
fn connection_is_reused_until_the_host_closes_it() {
    let (address, asks) = keeping_host(2);
    let outbound = Fetcher::new();
    for expected in [0, 0, 1, 1, 2] {
        let uri = format!("http://{address}/");
        let answer = outbound.fetch(fetch(&uri, FetchTarget::Configured));
        assert_eq!(answer.unwrap().body(), "ok");
        assert_eq!(asks.recv().unwrap(), expected);
    }
}
