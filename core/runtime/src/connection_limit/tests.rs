//! Permits of connections and requests.

use http::Request;

use super::*;
use entra_mcp_core::{config::AddressRange, limits, rate_limit::Subject};

fn limit(limits: InboundLimits) -> Arc<ConnectionLimit> {
    Arc::new(ConnectionLimit::new(limits))
}

fn acquire(limit: &Arc<ConnectionLimit>, peer: &str) -> Option<Arc<ConnectionPermit>> {
    limit.acquire(peer.parse().unwrap())
}

fn begin(
    connection: &Arc<ConnectionPermit>,
    headers: &[(&str, &str)],
) -> Result<RequestPermit, u16> {
    let mut request = Request::builder().uri("/authorize");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let head = RequestHead::from(request.body(()).unwrap().into_parts().0);
    let holder = head
        .headers
        .get(&header::AUTHORIZATION)
        .map(|_| TokenHolder {
            session: SessionKey::from([1; 16]),
            subject: Subject::of("user"),
        });
    let pending = connection.pending_request(&head);
    pending
        .and_then(|pending| pending.begin(connection, holder))
        .map_err(|refusal| refusal.status().as_u16())
}

const TOKEN: (&str, &str) = ("authorization", "Bearer good");

// M10, M13
#[test]
fn connections_over_the_limit_get_503() {
    let limit = limit(InboundLimits {
        counts_loopback: false,
        ..InboundLimits::of_connections(2)
    });
    let acquire = || acquire(&limit, "127.0.0.1");
    let mut normal: Vec<_> = (0..2).map(|_| acquire().unwrap()).collect();
    assert!(
        normal
            .iter()
            .all(|permit| permit.kind() == PermitKind::Normal)
    );
    let overflow: Vec<_> = (0..limits::OVERFLOW_CONNECTIONS)
        .map(|_| acquire().unwrap())
        .collect();
    assert!(
        overflow
            .iter()
            .all(|permit| permit.kind() == PermitKind::Overflow)
    );
    assert_eq!(begin(&overflow[0], &[]).err(), Some(503));
    assert_eq!(begin(&overflow[0], &[TOKEN]).err(), Some(503));
    assert!(acquire().is_none());
    drop(overflow);
    assert_eq!(acquire().unwrap().kind(), PermitKind::Overflow);
    normal.pop();
    assert_eq!(acquire().unwrap().kind(), PermitKind::Normal);
}

// M10
#[test]
fn user_is_served_though_strangers_of_the_address_took_its_share() {
    let limit = limit(InboundLimits {
        strangers_per_address: 1,
        ..InboundLimits::of_connections(10)
    });
    let _stranger = acquire(&limit, "192.0.2.1").unwrap();
    let over = acquire(&limit, "192.0.2.1").unwrap();
    assert_eq!(begin(&over, &[]).err(), Some(429));
    assert_eq!(begin(&over, &[TOKEN]).unwrap().body_limit(9), 9);
    assert!(begin(&acquire(&limit, "192.0.2.2").unwrap(), &[]).is_ok());
}

// M10
#[test]
fn strangers_behind_a_trusted_proxy_are_counted_by_the_client_that_it_names() {
    let limit = limit(InboundLimits {
        strangers_per_address: 1,
        trusted_proxies: vec![AddressRange::parse("10.0.0.1").unwrap()],
        ..InboundLimits::of_connections(10)
    });
    let proxy: Vec<_> = (0..5)
        .map(|_| acquire(&limit, "10.0.0.1").unwrap())
        .collect();
    let by = |address| [("x-forwarded-for", address)];
    let first = begin(&proxy[0], &by("203.0.113.7")).unwrap();
    assert_eq!(
        begin(&proxy[1], &by("198.51.100.1, 203.0.113.7")).err(),
        Some(429)
    );
    assert!(begin(&proxy[1], &[TOKEN, by("203.0.113.7")[0]]).is_ok());
    assert!(begin(&proxy[2], &by("203.0.113.8")).is_ok());
    drop(first);
    assert!(begin(&proxy[1], &by("203.0.113.7")).is_ok());
}

#[test]
fn client_that_no_trusted_proxy_names_is_not_believed() {
    let limit = limit(InboundLimits {
        strangers_per_address: 1,
        ..InboundLimits::of_connections(10)
    });
    let connection = acquire(&limit, "192.0.2.1").unwrap();
    let claim = [("x-forwarded-for", "203.0.113.7")];
    let _first = begin(&connection, &claim).unwrap();
    assert!(begin(&acquire(&limit, "203.0.113.7").unwrap(), &[]).is_ok());
}

// M10
#[test]
fn bytes_of_strangers_are_bounded_and_those_of_users_are_none_of_them() {
    let limit = limit(InboundLimits {
        bytes_per_address: 1000,
        ..InboundLimits::of_connections(10)
    });
    let (one, other) = (
        acquire(&limit, "192.0.2.1").unwrap(),
        acquire(&limit, "192.0.2.1").unwrap(),
    );
    assert!(one.buffer(UNCOUNTED_BYTES + 600).is_ok());
    let mut body = begin(&other, &[]).unwrap();
    assert!(body.buffer(UNCOUNTED_BYTES + 400).is_ok());
    let refusal = body.buffer(UNCOUNTED_BYTES + 401).unwrap_err();
    assert_eq!(refusal.status(), 503);
    assert!(refusal.headers().contains_key("retry-after"));
    let _user = begin(&one, &[TOKEN]).unwrap();
    assert!(body.buffer(UNCOUNTED_BYTES + 1000).is_ok());
    drop(body);
    assert!(other.buffer(UNCOUNTED_BYTES + 1000).is_ok());
    let mut body = begin(&one, &[TOKEN]).unwrap();
    assert!(body.buffer(limits::MESSAGE_BODY_BYTES).is_ok());
}

// M5
#[test]
fn bodies_of_a_session_over_its_bytes_are_refused_and_short_ones_are_not() {
    let limit = limit(InboundLimits::of_connections(10));
    let connection = acquire(&limit, "192.0.2.1").unwrap();
    let begin = || begin(&connection, &[TOKEN]).unwrap();
    let mut bodies: Vec<_> = (0..3).map(|_| begin()).collect();
    let most = limits::MESSAGE_BODY_BYTES;
    assert!(bodies[0].buffer(most).is_ok() && bodies[1].buffer(most).is_ok());
    let refusal = bodies[2].buffer(most).unwrap_err();
    assert_eq!(refusal.status(), 429);
    assert!(refusal.headers().contains_key("retry-after"));
    assert!(bodies[2].buffer(UNCOUNTED_BYTES).is_ok());
    drop(bodies.remove(0));
    assert!(bodies[1].buffer(most).is_ok());
}

// M5
#[test]
fn session_with_too_many_open_requests_is_refused_further_ones_with_a_message() {
    let limit = limit(InboundLimits::of_connections(10));
    let connection = acquire(&limit, "192.0.2.1").unwrap();
    let mut remainders: Vec<_> = (0..limits::REMAINDERS_PER_SESSION)
        .map(|_| begin(&connection, &[TOKEN]).unwrap().remainder())
        .collect();
    assert!(begin(&connection, &[TOKEN]).is_ok());
    assert!(remainders.iter_mut().all(Remainder::begin));
    assert_eq!(begin(&connection, &[TOKEN]).err(), Some(429));
    assert!(begin(&connection, &[]).is_ok());
    remainders.pop();
    assert!(begin(&connection, &[TOKEN]).is_ok());
}

// D14
#[test]
fn clients_of_a_request_are_those_that_stand_for_themselves() {
    let limit = limit(InboundLimits {
        trusted_proxies: vec![AddressRange::parse("10.0.0.1").unwrap()],
        counts_loopback: false,
        ..InboundLimits::of_connections(10)
    });
    let forwarded = [("x-forwarded-for", "203.0.113.7")];
    for (peer, headers, expected) in [
        ("192.0.2.1", &[][..], Some("192.0.2.1")),
        ("192.0.2.1", &forwarded, Some("192.0.2.1")),
        ("10.0.0.1", &forwarded, Some("203.0.113.7")),
        ("10.0.0.1", &[], None),
        ("127.0.0.1", &forwarded, None),
    ] {
        let request = begin(&acquire(&limit, peer).unwrap(), headers).unwrap();
        let client = request.client().map(|client| client.to_string());
        assert_eq!(client.as_deref(), expected, "{peer} {headers:?}");
    }
}
