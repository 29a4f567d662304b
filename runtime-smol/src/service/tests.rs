//! The service before a server that echoes: what is decided of bytes, time and addresses before any service is asked.

use std::{collections::VecDeque, thread};

use entra_mcp_runtime::{ConnectionLimit, InboundLimits};
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use tower_service::Service as _;

use super::*;
use crate::{executor::ExecutorThreads, inbound::tests::EchoService, listen::Connections};

/// A service on threads of its own, and its end.
struct Echoing {
    service: McpService,
    connections: Arc<Connections>,
    _open: CloseOnDrop,
    _end: async_channel::Sender<Infallible>,
}

fn echoing(limits: InboundLimits, timeouts: Timeouts, is_local: bool) -> Echoing {
    let threads = ExecutorThreads::new();
    let connections = Arc::new(Connections::new());
    let (service, open) = McpService::new(Open {
        inbound: Acceptor {
            limit: Arc::new(ConnectionLimit::new(limits)),
            connections: Arc::clone(&connections),
            service: Arc::new(EchoService),
            executor: threads.handle(),
        },
        is_local,
        timeouts,
    });
    let (end, ended) = async_channel::bounded::<Infallible>(1);
    thread::spawn(move || threads.run(async move { ended.recv().await.is_err() }));
    Echoing {
        service,
        connections,
        _open: open,
        _end: end,
    }
}

fn usual() -> Echoing {
    echoing(
        InboundLimits::of_connections(10),
        Timeouts::default(),
        false,
    )
}

fn request(path: &str) -> http::request::Builder {
    Request::post(path).header("host", "a")
}

fn call<B: Body<Data: Send> + Send + 'static>(
    echoing: &Echoing,
    request: Request<B>,
) -> Response<ResponseBody> {
    smol::block_on(echoing.service.clone().call(request)).unwrap()
}

fn get(echoing: &Echoing, path: &str) -> Response<ResponseBody> {
    call(
        echoing,
        request(path).body(Full::new(Bytes::new())).unwrap(),
    )
}

fn next(body: &mut ResponseBody) -> Option<Result<Bytes, Incomplete>> {
    let frame = smol::block_on(body.frame())?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

fn text(response: Response<ResponseBody>) -> String {
    let whole = smol::block_on(response.into_body().collect()).unwrap();
    String::from_utf8(whole.to_bytes().to_vec()).unwrap()
}

/// A body whose length nobody says, and that does not end by itself.
fn pieces(number: usize, ends: bool) -> impl Body<Data = Bytes, Error = Infallible> + Send {
    let mut pieces: VecDeque<_> = (0..number)
        .map(|_| Bytes::from_static(&[b'x'; 100]))
        .collect();
    StreamBody::new(smol::stream::poll_fn(move |_| match pieces.pop_front() {
        Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
        None if ends => Poll::Ready(None),
        None => Poll::Pending,
    }))
}

#[test]
fn request_is_answered_with_its_body_and_the_length_of_the_answer() {
    let service = usual();
    let response = call(&service, request("/a").body(pieces(2, true)).unwrap());
    assert_eq!(response.status(), StatusCode::OK);
    let length = response.body().size_hint().exact();
    let text = text(response);
    assert_eq!(text, format!("POST /a {}", "x".repeat(200)));
    assert_eq!(length, u64::try_from(text.len()).ok());
    assert!(service.connections.are_over());
}

#[test]
fn stream_comes_piece_by_piece_and_ends() {
    let service = usual();
    let mut body = get(&service, "/stream").into_body();
    assert!(!body.is_end_stream());
    for event in [&b"data: 1\n\n"[..], b"data: 2\n\n"] {
        assert_eq!(next(&mut body).unwrap().unwrap(), event);
    }
    assert!(!service.connections.are_over());
    assert_eq!(next(&mut body), None);
    assert!(body.is_end_stream() && service.connections.are_over());
}

#[test]
fn stream_that_breaks_is_an_error_and_a_panic_before_it_a_500() {
    let service = usual();
    assert_eq!(get(&service, "/panic").status(), 500);
    let mut body = get(&service, "/panic-late").into_body();
    assert_eq!(next(&mut body).unwrap().unwrap(), b"half"[..]);
    assert_eq!(next(&mut body), Some(Err(Incomplete)));
    assert_eq!(next(&mut body), None);
}

// M5
#[test]
fn body_that_is_too_long_is_refused_though_its_length_is_not_said() {
    let service = usual();
    let response = call(&service, request("/a").body(pieces(11, false)).unwrap());
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

// M6
#[test]
fn body_that_does_not_come_is_timed_out() {
    let timeouts = Timeouts {
        body: Duration::from_millis(20),
        ..Timeouts::default()
    };
    let service = echoing(InboundLimits::of_connections(10), timeouts, false);
    let response = call(&service, request("/a").body(pieces(1, false)).unwrap());
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

// M7
#[test]
fn stream_that_nobody_reads_ends() {
    let timeouts = Timeouts {
        write: Duration::from_millis(20),
        ..Timeouts::default()
    };
    let service = echoing(InboundLimits::of_connections(10), timeouts, false);
    let mut body = get(&service, "/flood").into_body();
    while !service.connections.are_over() {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(next(&mut body), Some(Err(Incomplete)));
}

/// However long nothing comes.
#[test]
fn stream_whose_reader_waits_goes_on() {
    let limit = Arc::new(ConnectionLimit::new(InboundLimits::of_connections(1)));
    let held = Held {
        _connection: limit.acquire(Ipv4Addr::LOCALHOST.into()).unwrap(),
        _guard: Arc::new(Connections::new()).register().0,
    };
    let (mut writer, parts) = ResponseWriter::new();
    writer.open(Response::new(()));
    let head = smol::block_on(future::poll_fn(|cx| parts.poll_next(cx)));
    assert!(matches!(head, Some(ResponsePart::Head(_))));
    let timeout = Duration::from_millis(5);
    let (mut body, watch) = ResponseBody::stream(parts, held, timeout);
    let mut frame = body.frame();
    let asked = smol::block_on(future::poll_once(&mut frame));
    assert!(asked.is_none());
    let later = async {
        async_io::Timer::after(10 * timeout).await;
    };
    smol::block_on(future::or(watch, later));
    writer.write(Bytes::from_static(b"late"));
    let frame = smol::block_on(frame).unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), b"late"[..]);
}

#[test]
fn stream_is_left_when_its_body_is_dropped() {
    let service = usual();
    let body = get(&service, "/until-disconnected").into_body();
    drop(body);
    while !service.connections.are_over() {
        thread::yield_now();
    }
}

// L7
#[test]
fn head_over_the_bounds_is_refused() {
    let service = usual();
    let many = (0..=limits::HEAD_FIELDS).fold(request("/a"), |request, number| {
        request.header(format!("x-{number}"), "1")
    });
    let long = request("/a").header("x", "1".repeat(limits::HEAD_BYTES));
    for request in [many, long] {
        let response = call(&service, request.body(Full::new(Bytes::new())).unwrap());
        assert_eq!(
            response.status(),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        );
    }
}

// M10
#[test]
fn requests_are_counted_for_the_peer_that_is_named() {
    let limits = InboundLimits {
        connections_per_address: 1,
        strangers_per_address: 1,
        ..InboundLimits::of_connections(10)
    };
    let service = echoing(limits, Timeouts::default(), false);
    let from = |peer: &str| {
        let request = request("/until-disconnected").extension(Peer(peer.parse().unwrap()));
        call(&service, request.body(Full::new(Bytes::new())).unwrap())
    };
    let first = from("192.0.2.1");
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(
        from("::ffff:192.0.2.1").status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(from("192.0.2.2").status(), StatusCode::OK);
    let unknown = [get(&service, "/stream"), get(&service, "/stream")];
    assert!(
        unknown
            .iter()
            .all(|response| response.status() == StatusCode::OK)
    );
    drop(first);
    while from("192.0.2.1").status() != StatusCode::OK {
        thread::yield_now();
    }
}

// Q2
#[test]
fn development_tenant_is_for_this_machine_alone() {
    let limits = InboundLimits::of_connections(10);
    let service = echoing(limits, Timeouts::default(), true);
    for (peer, status) in [("192.0.2.1", 403), ("127.0.0.1", 200), ("::1", 200)] {
        let request = request("/a").extension(Peer(peer.parse().unwrap()));
        let response = call(&service, request.body(Full::new(Bytes::new())).unwrap());
        assert_eq!(response.status(), status, "{peer}");
    }
}
