//! TLS, against a host whose certificate is in this folder. Its key is public and worthless.

use std::{io::Read as _, net::TcpStream, sync::mpsc::Sender};

use futures_rustls::rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::*;

const CERTIFICATE: &[u8] = include_bytes!("localhost.cert");
const KEY: &[u8] = include_bytes!("localhost.pkcs8");

/// A host with TLS: its port, and a word for each request that it could read.
fn secure_host() -> (u16, Receiver<()>) {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, asks) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let stream = StreamOwned::new(tls, socket.unwrap());
            let asked = asked.clone();
            std::thread::spawn(move || answer(stream, &asked));
        }
    });
    (port, asks)
}

/// Answers every request, and tells of it.
fn answer(mut stream: StreamOwned<ServerConnection, TcpStream>, asked: &Sender<()>) {
    let mut read = Vec::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() {
        read.push(byte[0]);
        if read.ends_with(b"\r\n\r\n") {
            read.clear();
            asked.send(()).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).unwrap();
        }
    }
}

#[test]
fn host_with_a_valid_certificate_is_reached_over_tls() {
    let (port, asks) = secure_host();
    let fetcher = Fetcher::through(Egress::new(None, "", Some(vec![CERTIFICATE.to_vec()])));
    for _ in 0..3 {
        let uri = format!("https://localhost:{port}/");
        let answer = fetcher.fetch(fetch(&uri, FetchTarget::Configured));
        assert_eq!(answer.unwrap().body(), "ok");
        asks.recv().unwrap();
    }
    // Good for another name only.
    let uri = format!("https://127.0.0.1:{port}/");
    let answer = fetcher.fetch(fetch(&uri, FetchTarget::Configured));
    assert_eq!(answer.err(), Some(FetchFault::Unreachable));
    assert!(asks.try_recv().is_err());
}

#[test]
fn host_with_an_untrusted_certificate_is_sent_nothing() {
    let (port, asks) = secure_host();
    let uri = format!("https://localhost:{port}/");
    let answer = Fetcher::new().fetch(fetch(&uri, FetchTarget::Configured));
    assert_eq!(answer.err(), Some(FetchFault::Unreachable));
    assert!(asks.try_recv().is_err());
}
