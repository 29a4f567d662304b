//! The raw cases of the end-to-end suite, against the connection loop on a real socket.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::JoinHandle,
};

use async_io::Async;
use entra_mcp_e2e::echo::{Echo, EchoRuntime, connect, talk};
use entra_mcp_http1::{RequestHead, Timeouts};
use entra_mcp_runtime::{ConnectionLimit, InboundLimits, PermitKind, RequestOrigin, timeouts_of};
use smol::future;

use super::{connection::serve, *};
use crate::{
    executor::{Executor, ExecutorThreads},
    listen::{Acceptor, Closing, Connections},
    work::{FutureWork, Work},
};

entra_mcp_e2e::raw_http_cases!(Smol);

/// This runtime's inbound side.
struct Smol;

pub(crate) struct EchoService;

impl Service for EchoService {
    fn admit(&self, head: RequestHead, _: RequestOrigin) -> Result<Admitted, Box<Response<Bytes>>> {
        let body_limit = Echo::admit(&head)?;
        let holder = Echo::holder(&head);
        let serve = |body, writer, permit| -> Box<dyn Work> {
            let echo = Echo::of(&head.with_body(body));
            assert_ne!(echo, Echo::Panic, "a bug");
            Box::new(FutureWork::new(permit, respond(echo, writer)))
        };
        Ok(Admitted {
            body_limit,
            holder,
            serve: Box::new(serve),
        })
    }
}

async fn respond(echo: Echo, mut writer: ResponseWriter) {
    if let Echo::Respond(text) = echo {
        return writer.respond(Response::new(Bytes::from(text)));
    }
    writer.open(Response::new(()));
    match echo {
        Echo::PanicLate => {
            writer.write(Bytes::from_static(b"half"));
            panic!("a bug");
        }
        Echo::UntilDisconnected => future::poll_fn(|cx| writer.poll_disconnected(cx)).await,
        Echo::Flood => {
            let is_gone = |writer: &ResponseWriter, cx: &Context<'_>| {
                Poll::Ready(writer.poll_disconnected(cx).is_ready())
            };
            while !future::poll_fn(|cx| is_gone(&writer, cx)).await {
                writer.write(Bytes::from_static(&[b'x'; 64 * 1024]));
                future::poll_fn(|cx| writer.poll_ready(cx)).await;
            }
        }
        _ => {
            for event in Echo::EVENTS {
                writer.write(Bytes::from_static(event));
                future::poll_fn(|cx| writer.poll_ready(cx)).await;
            }
            writer.close();
        }
    }
}

/// Serves one connection.
async fn echo(socket: Async<TcpStream>, executor: Executor, closing: Closing, timeouts: Timeouts) {
    let limit = Arc::new(ConnectionLimit::new(InboundLimits::of_connections(1)));
    let permit = limit.acquire(Ipv4Addr::LOCALHOST.into()).unwrap();
    serve(
        socket,
        Arc::new(EchoService),
        executor,
        permit,
        closing,
        timeouts,
    )
    .await;
}

/// Serves one connection until it ends or the server does.
fn serve_until_closing(socket: TcpStream, closing: Closing, timeouts: Timeouts) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let threads = ExecutorThreads::new();
        let executor = threads.handle();
        let socket = Async::new(socket).unwrap();
        let served = echo(socket, executor, closing, timeouts);
        threads.run(served).unwrap();
    })
}

impl EchoRuntime for Smol {
    fn start(&self, timeouts: Timeouts) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let threads = ExecutorThreads::new();
        let executor = threads.handle();
        let accept = {
            async move {
                let listener = Async::new(listener).unwrap();
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    let (open, closing) = queue();
                    let served = echo(socket, executor.clone(), closing, timeouts);
                    executor.spawn(async move {
                        served.await;
                        drop(open);
                    });
                }
            }
        };
        std::thread::spawn(move || threads.run(accept));
        address
    }

    fn start_limited(&self, limits: InboundLimits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let threads = ExecutorThreads::new();
            let executor = threads.handle();
            let acceptor = Acceptor {
                limit: Arc::new(ConnectionLimit::new(limits)),
                connections: Arc::new(Connections::new()),
                service: Arc::new(EchoService),
                executor,
            };
            threads.run(acceptor.accept(Async::new(listener).unwrap()))
        });
        address
    }

    fn serve(&self, socket: TcpStream, timeouts: Timeouts) -> JoinHandle<()> {
        let (open, closing) = queue();
        std::mem::forget(open);
        serve_until_closing(socket, closing, timeouts)
    }
}

#[test]
fn shutdown_closes_idle_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = connect(listener.local_addr().unwrap());
    let (socket, _) = listener.accept().unwrap();
    let (open, closing) = queue();
    let thread = serve_until_closing(socket, closing, timeouts_of(PermitKind::Normal));
    client
        .write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    client.read_exact(&mut [0]).unwrap();
    drop(open);
    let received = talk(&mut client, b"");
    assert!(received.ends_with("GET /a "), "{received}");
    thread.join().unwrap();
}
