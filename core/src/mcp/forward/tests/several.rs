//! Several backends, each at an endpoint of its own: what belongs to one is nothing at another.

mod crossing;

use std::sync::Arc;

use ::http::{Request, Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use super::*;
use crate::{
    config::{Backend, BackendAddress, BackendHeader, BackendName, Gateway},
    mcp::testing::rpc,
    policy::{NamePattern, Policy, PolicyRule},
    testing::header,
};

pub(super) const ORDERS: &str = "/mcp/orders";
pub(super) const DOCS: &str = "/mcp/docs";
const OWN_TOOLS: &str = "/mcp/own-tools";

/// A backend of this name at that port of this computer.
fn named(name: &str, port: u16) -> Gateway {
    let address = format!("http://127.0.0.1:{port}/mcp");
    let backend = BackendAddress::parse(&address).unwrap();
    Gateway {
        name: BackendName::parse(name),
        backend: Backend::Http(Arc::new(backend)),
        audience: address,
        header: BackendHeader::parse(&format!("X-Api-Key: key of {name}")),
        ..gateway_of_tests(BackendIdentity::ASSERTION)
    }
}

pub(super) fn several() -> World {
    let mut world = World::new();
    world.has_backends(vec![named("orders", 8001), named("docs", 8002)]);
    for path in [ORDERS, DOCS, OWN_TOOLS] {
        world.sign_in_at("alice", path);
    }
    world
}

/// A request of somebody's client with its token for this path.
fn request_at(
    world: &World,
    (user, path): (&str, &str),
    method: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Request<Bytes> {
    let mut request = world.request(user, method, path, fields, body);
    let token = format!("Bearer {}", world.token_at(user, path));
    let headers = request.headers_mut();
    headers.insert("authorization", token.parse().unwrap());
    request
}

/// What a JWT says.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Somebody's client begins a session at this path.
pub(super) fn begin_at(world: &mut World, (user, path): (&str, &str), session: &str) -> String {
    let capabilities = json!({"elicitation": {}});
    let body = initialize_with("2025-11-25", &capabilities);
    let id = world.begin(request_at(world, (user, path), "POST", &[], &body));
    let early = world.sent(id).response.as_ref();
    assert!(early.is_none(), "{early:?}");
    opens(world, session);
    let response = world.sent(id).response.as_ref().expect("it is answered");
    assert_eq!(response.status(), 200);
    header(response, "mcp-session-id").to_owned()
}

/// Sends a message within a session.
pub(super) fn send_at(
    world: &mut World,
    of: (&str, &str),
    session: &str,
    body: &str,
) -> ExchangeId {
    let fields = [("mcp-session-id", session)];
    world.begin(request_at(world, of, "POST", &fields, body))
}

fn get(world: &mut World, path: &str) -> Response<Bytes> {
    let request = Request::get(path).header("host", "localhost:3001");
    world.send(request.body(Bytes::new()).unwrap())
}

// R26; RFC 9728 section 3
#[test]
fn each_endpoint_is_a_resource_with_metadata_of_its_own() {
    let mut world = several();
    for (path, name) in [(ORDERS, "orders"), (DOCS, "docs"), ("/sse/docs", "docs")] {
        let metadata = format!("/.well-known/oauth-protected-resource{path}");
        let document = testing::json(&get(&mut world, &metadata));
        assert_eq!(document["resource"], format!("http://localhost:3001{path}"));
        assert_eq!(document["resource_name"], name);
        let refused = get(&mut world, path);
        assert_eq!(refused.status(), 401);
        let named = format!("resource_metadata=\"http://localhost:3001{metadata}\"");
        let challenge = header(&refused, "www-authenticate");
        assert!(challenge.contains(&named), "{challenge}");
        for authorization_server in [
            format!("/.well-known/oauth-authorization-server{path}"),
            format!("{path}/.well-known/openid-configuration"),
        ] {
            let document = testing::json(&get(&mut world, &authorization_server));
            assert_eq!(document["issuer"], "http://localhost:3001");
        }
    }
    for nothing in [
        "/mcp",
        "/sse",
        "/message",
        "/mcp/other",
        "/mcp/orders/x",
        "/mcp/Orders",
        "/mcp/orders2",
        "/orders",
        "/mcp/own-tools",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        assert_eq!(get(&mut world, nothing).status(), 404, "{nothing}");
    }
}

// R26, C9
#[test]
fn token_is_good_at_the_endpoint_that_it_is_for_and_nowhere_else() {
    let mut world = several();
    let body = rpc(1, "ping", &json!({}));
    for (of, at, expected) in [
        ("/mcp/orders", ORDERS, 400),
        ("/mcp/docs", ORDERS, 401),
        ("/sse/orders", ORDERS, 401),
        ("/mcp", ORDERS, 401),
        ("", ORDERS, 401),
        ("/mcp/docs", DOCS, 400),
        ("/mcp/orders", DOCS, 401),
    ] {
        world.sign_in_at("alice", of);
        let token = world.token_at("alice", of);
        let mut request = world.request("alice", "POST", at, &[], &body);
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let response = world.send(request);
        // Without a session: the token is good, the message is not.
        assert_eq!(response.status().as_u16(), expected, "{of:?} at {at}");
    }
    assert!(world.pulls.is_empty());
}

// R26, R2, R3
#[test]
fn call_goes_to_its_backend_with_what_is_for_that_one_alone() {
    let mut world = several();
    for (path, port, name) in [(ORDERS, 8001, "orders"), (DOCS, 8002, "docs")] {
        let session = begin_at(&mut world, ("alice", path), "theirs");
        let id = send_at(&mut world, ("alice", path), &session, CALL);
        let sent = world.pulled();
        let address = format!("http://127.0.0.1:{port}/mcp");
        assert_eq!(sent.pull.backend.to_string(), address);
        let key = format!("key of {name}");
        assert_eq!(sent.header("x-api-key"), Some(key.as_str()));
        let assertion = sent.header("entra-mcp-assertion").unwrap();
        let claims = claims(assertion);
        assert_eq!(claims["aud"], address);
        let answer = result(&sent, "{}");
        world.answers(sent, 200, &answer);
        assert_eq!(body_of(&world, id)["result"], json!({}));
    }
}

// R26, R7
#[test]
fn policy_of_one_backend_says_nothing_of_another() {
    let mut world = several();
    let hides = Policy {
        tools: vec![PolicyRule {
            hidden: true,
            ..PolicyRule::allowing(NamePattern::parse("echo").unwrap())
        }],
        ..Policy::default()
    };
    let of_orders = [("orders".to_owned(), hides)];
    world.server.policy.backends = of_orders.into();
    let session = begin_at(&mut world, ("alice", DOCS), "docs");
    send_at(&mut world, ("alice", DOCS), &session, CALL);
    assert_eq!(world.pulled().json()["method"], "tools/call");
    let session = begin_at(&mut world, ("alice", ORDERS), "orders");
    send_at(&mut world, ("alice", ORDERS), &session, CALL);
    // What hidden tools are answered like is found out first.
    let asked = world.next_pulled();
    assert!(asked.is_none_or(|sent| !sent.text().contains(r#""name":"echo""#)));
}

#[test]
fn own_tools_have_an_endpoint_beside_the_backends() {
    let mut world = several();
    world.server.server.config.with_own_tools = true;
    world.server.name_endpoints();
    let path = OWN_TOOLS;
    let body = initialize_with("2025-11-25", &json!({}));
    let response = world.send(request_at(&world, ("alice", path), "POST", &[], &body));
    let session = header(&response, "mcp-session-id").to_owned();
    let id = send_at(
        &mut world,
        ("alice", path),
        &session,
        &rpc(2, "tools/list", &json!({})),
    );
    let tools = &body_of(&world, id)["result"]["tools"];
    assert_eq!(tools[0]["name"], "getUserDetails", "{tools}");
    let own = world.token_at("alice", path);
    let mut elsewhere = world.request("alice", "POST", ORDERS, &[], &body);
    let bearer = format!("Bearer {own}").parse().unwrap();
    elsewhere.headers_mut().insert("authorization", bearer);
    assert_eq!(world.send(elsewhere).status(), 401);
    assert!(world.pulls.is_empty());
}

// R26
#[test]
fn readiness_names_each_backend() {
    let mut world = several();
    get_ready(&mut world);
    let (orders, docs) = (world.pulled(), world.pulled());
    assert_eq!(orders.pull.backend.authority(), "127.0.0.1:8001");
    world.answers(orders, 401, "");
    world.end(docs, Err(crate::ask::PullFault::Unreachable));
    let found = get_ready(&mut world);
    assert_eq!(found, "ready\norders answers\ndocs does not answer\n");
}

fn get_ready(world: &mut World) -> String {
    let response = get(world, "/readyz");
    assert_eq!(response.status(), 200);
    String::from_utf8(response.body().to_vec()).unwrap()
}

#[test]
fn end_of_a_session_is_told_to_its_backend() {
    let mut world = several();
    let session = begin_at(&mut world, ("alice", DOCS), "of docs");
    let fields = [("mcp-session-id", session.as_str())];
    let ended = world.send(request_at(&world, ("alice", DOCS), "DELETE", &fields, ""));
    assert!(ended.status().is_success());
    let sent = world.pulled();
    assert_eq!(sent.pull.method, ::http::Method::DELETE);
    assert_eq!(sent.pull.backend.authority(), "127.0.0.1:8002");
    assert_eq!(sent.header("mcp-session-id"), Some("of docs"));
    assert_eq!(sent.header("x-api-key"), Some("key of docs"));
}
