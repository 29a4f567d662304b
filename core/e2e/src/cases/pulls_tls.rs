//! Requests to backends over TLS: whom they believe, and as whom they come. The keys in `keys/backend` are public and
//! worthless.

use std::{
    io::{BufReader, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
};

use entra_mcp_core::ask::PullFault;
use entra_mcp_runtime::{BackendTls, ClientIdentity, PullMessage, egress::Egress};
use futures_rustls::rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

use super::pulls::{PullRuntime, public_tls, pull, request, rest};

const AUTHORITY: &[u8] = include_bytes!("../../keys/backend/authority.pem");
const SERVER: &[u8] = include_bytes!("../../keys/backend/server.pem");
const CLIENT: &[u8] = include_bytes!("../../keys/backend/client.pem");

fn authority() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(AUTHORITY).unwrap()
}

/// A backend with TLS at `localhost`: its port, and how each connection came to be, with the number of certificates that the
/// other side showed.
fn secure_backend(asks_who: bool) -> (u16, Receiver<Option<usize>>) {
    secure_backend_that(asks_who, |_| {
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned()
    })
}

/// The same, that answers requests so: one a connection.
pub(super) fn secure_backend_that(
    asks_who: bool,
    answer: impl Fn(&str) -> String + Send + 'static,
) -> (u16, Receiver<Option<usize>>) {
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = if asks_who {
        let mut roots = RootCertStore::empty();
        roots.add(authority()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        config.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let certificate = CertificateDer::from_pem_slice(SERVER).unwrap();
    let key = PrivateKeyDer::from_pem_slice(SERVER).unwrap();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (met, meets) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, mut tls) = (
                socket.unwrap(),
                ServerConnection::new(Arc::clone(&config)).unwrap(),
            );
            while tls.is_handshaking() {
                if tls.complete_io(&mut socket).is_err() {
                    break;
                }
            }
            if tls.is_handshaking() {
                met.send(None).unwrap();
                continue;
            }
            let shown = tls.peer_certificates().map_or(0, <[_]>::len);
            met.send(Some(shown)).unwrap();
            let mut stream = StreamOwned::new(tls, socket);
            let asked = request(&mut BufReader::new(&mut stream));
            // A kept connection may be closed without a request.
            let _left = stream.write_all(answer(&asked).as_bytes());
        }
    });
    (port, meets)
}

/// The fault, or the body of the answer.
fn pulled(runtime: &impl PullRuntime, tls: BackendTls, port: u16) -> Result<Vec<u8>, PullFault> {
    let mut under_way = (runtime.puller(tls))(pull(&format!("https://localhost:{port}/mcp")));
    match under_way.next() {
        PullMessage::Head(head) => {
            assert_eq!(head.status(), 200);
            let (body, end) = rest(&mut *under_way);
            end.map(|()| body)
        }
        PullMessage::Ended(end) => end.map(|()| Vec::new()),
        PullMessage::Piece(piece) => panic!("a piece without a head: {piece:?}"),
    }
}

/// R18. Public authorities are not enough for a backend of the company's own; the company's is.
pub fn backend_of_an_own_authority_is_believed_only_if_it_is_named(runtime: &impl PullRuntime) {
    let (port, meets) = secure_backend(false);
    assert_eq!(
        pulled(runtime, public_tls(), port),
        Err(PullFault::Unreachable)
    );
    assert_eq!(meets.recv().unwrap(), None);
    let own = [authority().to_vec()];
    let tls = BackendTls::new(&Egress::default(), &own, None).unwrap();
    assert_eq!(pulled(runtime, tls.clone(), port), Ok(b"ok".to_vec()));
    assert_eq!(meets.recv().unwrap(), Some(0));
    // Its certificate is for another name.
    let address = format!("https://127.0.0.1:{port}/mcp");
    let mut under_way = (runtime.puller(tls))(pull(&address));
    let first = under_way.next();
    assert!(
        matches!(first, PullMessage::Ended(Err(PullFault::Unreachable))),
        "{first:?}"
    );
}

/// R18. A backend that wants to know who comes is told so by the certificate.
pub fn backend_is_shown_the_client_certificate(runtime: &impl PullRuntime) {
    let (port, meets) = secure_backend(true);
    let own = [authority().to_vec()];
    let tls = |identity| BackendTls::new(&Egress::default(), &own, identity).unwrap();
    // In TLS 1.3 the refusal comes after the request was sent.
    assert!(pulled(runtime, tls(None), port).is_err());
    assert_eq!(meets.recv().unwrap(), None);
    let identity = ClientIdentity::from_pem(CLIENT).unwrap();
    assert_eq!(
        pulled(runtime, tls(Some(identity)), port),
        Ok(b"ok".to_vec())
    );
    assert_eq!(meets.recv().unwrap(), Some(1));
}

/// What is sent in clear to a port with TLS, or the other way round, is a fault.
pub fn tls_and_its_absence_are_not_mixed_up(runtime: &impl PullRuntime) {
    let (port, meets) = secure_backend(false);
    let mut under_way = (runtime.puller(public_tls()))(pull(&format!("http://localhost:{port}/")));
    let first = under_way.next();
    assert!(
        matches!(first, PullMessage::Ended(Err(PullFault::Broken))),
        "{first:?}"
    );
    assert_eq!(meets.recv().unwrap(), None);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    assert_eq!(
        pulled(runtime, public_tls(), port),
        Err(PullFault::Unreachable)
    );
}
