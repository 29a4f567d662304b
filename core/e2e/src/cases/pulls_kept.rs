//! Connections to backends that are kept for the next request: which one takes.

use std::{
    io::{BufReader, Write as _},
    net::TcpListener,
    sync::mpsc::channel,
};

use entra_mcp_core::{ask::Pull, config::Endpoint};

use super::pulls::{PullRuntime, head, public_tls, pull, request, rest};

/// R26. Who one comes as is set for each backend, so two at one address have no connection together.
pub fn pull_takes_no_kept_connection_of_another_backend(runtime: &impl PullRuntime) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (asked, asks) = channel();
    std::thread::spawn(move || {
        for (number, socket) in listener.incoming().enumerate() {
            let (mut socket, asked) = (socket.unwrap(), asked.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                while !request(&mut reader).is_empty() {
                    asked.send(number).unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    socket.write_all(answer).unwrap();
                }
            });
        }
    });
    let puller = runtime.puller(public_tls());
    let connection = |endpoint| {
        let mut under_way = puller(Pull {
            endpoint,
            ..pull(&address)
        });
        head(&mut *under_way);
        assert_eq!(rest(&mut *under_way), (b"ok".to_vec(), Ok(())));
        asks.recv().unwrap()
    };
    // They are not kept for long: it may take more than one attempt.
    let mut last = connection(Endpoint::MAIN);
    loop {
        let next = connection(Endpoint::MAIN);
        if next == last {
            break;
        }
        last = next;
    }
    assert_ne!(connection(Endpoint::OWN_TOOLS), last);
}

/// One that the backend has closed is not: what was sent on it could not be sent again.
pub fn pull_takes_a_kept_connection_that_is_still_open(runtime: &impl PullRuntime) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/mcp", listener.local_addr().unwrap());
    let ((asked, asks), (closed, closes)) = (channel(), channel());
    std::thread::spawn(move || {
        for (number, socket) in listener.incoming().enumerate() {
            let (mut socket, asked, closed) = (socket.unwrap(), asked.clone(), closed.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                // It is closed after two requests, or by the other side.
                for _ in 0..2 {
                    if request(&mut reader).is_empty() {
                        return;
                    }
                    asked.send(number).unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    socket.write_all(answer).unwrap();
                }
                drop((socket, reader));
                closed.send(()).unwrap();
            });
        }
    });
    let puller = runtime.puller(public_tls());
    let connection = || {
        let mut under_way = puller(pull(&address));
        head(&mut *under_way);
        assert_eq!(rest(&mut *under_way), (b"ok".to_vec(), Ok(())));
        asks.recv().unwrap()
    };
    // They are not kept for long: it may take more than one attempt.
    let mut last = connection();
    loop {
        let next = connection();
        if next == last {
            break;
        }
        last = next;
    }
    closes.recv().unwrap();
    assert_ne!(connection(), last);
}
