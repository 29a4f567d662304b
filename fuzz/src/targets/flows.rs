//! Targets that need a whole world around them: what Entra and Graph may answer at each step of a
//! sign-in, and what a client may register and then show to a user.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::Value;
use url::Url;

use crate::{
    browser::Arrived,
    client::{ClientError, value},
    entra::Entra,
    fixture::Fixture,
    ids::Role,
    world::World,
};

/// Where an answer is replaced: metadata, keys, tokens for a code, Graph, tokens for a refresh.
const PLACES: [&str; 5] = [
    "/openid-configuration",
    "/discovery/v2.0/keys",
    "/oauth2/v2.0/token",
    "/v1.0/me",
    "/oauth2/v2.0/token",
];

const STATUSES: [u16; 8] = [200, 201, 302, 400, 401, 429, 500, 503];

/// Whatever Entra or Graph answers at one step, nobody is signed in by it, nothing is told of it,
/// and once they answer as they should everybody gets through.
pub(super) fn entra_answer(bytes: &[u8]) {
    let [place, status, body @ ..] = bytes else {
        return;
    };
    let place = usize::from(*place) % PLACES.len();
    let path = PLACES.get(place).copied().unwrap_or_default();
    let status = STATUSES.get(usize::from(*status) % STATUSES.len()).copied();
    let mut fixture = Fixture::faultless();
    if place >= 3 {
        fixture.use_tools().expect("alice signs in");
        fixture.wait(Duration::from_secs(60));
    }
    let body = Bytes::copy_from_slice(body);
    let say = (path, status.unwrap_or(200), body.clone());
    fixture
        .world
        .entra(|entra| entra.script_response(Some(say)));
    match place {
        3 => {
            let profile = serde_json::from_slice::<Value>(&body);
            let may_be = status == Some(200) && profile.is_ok_and(|profile| profile.is_object());
            assert!(fixture.ask().is_err() || may_be, "a refusal is a profile");
        }
        4 => {
            let _tokens = fixture.refresh();
        }
        _ => {
            let error = fixture.sign_in().expect_err("nobody is signed in");
            let is_violation = matches!(error, ClientError::ProtocolViolation(_));
            assert!(!is_violation, "{error}");
        }
    }
    fixture.world.entra(Entra::recover);
    fixture.wait(Duration::from_secs(400));
    if fixture.use_tools().is_err() {
        fixture.client.tokens = None;
        fixture.use_tools().expect("alice gets through");
    }
    fixture.world.end();
}

/// What is registered comes back as it was understood, and the consent page shows it as text
/// (threats A7, B3, C5, C13, E1, E9, H2 to H6, H10, M8, N1).
pub(super) fn register(bytes: &[u8]) {
    let world = World::faultless();
    let peer = world.peer("client", Role::Attacker);
    let url = world.server_url();
    let mut request = Request::new(Bytes::copy_from_slice(bytes));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("{url}/register").parse().expect("an address");
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, value("application/json"));
    let response = world.run(peer.fetch(request)).expect("an answer");
    let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let member = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    match response.status().as_u16() {
        201 => {}
        413 => return,
        status => {
            assert_eq!(status, 400, "a refusal of a registration");
            assert!(member("error").is_some(), "a refusal without an error");
            return;
        }
    }
    let client_id = member("client_id").expect("an id");
    let uris = answer.get("redirect_uris").and_then(Value::as_array);
    let uris = uris.into_iter().flatten().filter_map(Value::as_str);
    let mut count = 0;
    for uri in uris {
        count += 1;
        entra_mcp_core::fuzzing::redirect_uri(uri, uri);
        shows(&world, &url, &client_id, uri, member("client_name"));
    }
    assert!(count > 0, "a client without an address");
    world.end();
}

fn shows(world: &World, url: &str, client_id: &str, uri: &str, name: Option<String>) {
    let mut fixture = Fixture::of(world, "alice", crate::fixture::LATEST);
    let mut address = Url::parse(&format!("{url}/authorize")).expect("an address");
    address
        .query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", uri)
        .append_pair(
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        )
        .append_pair("code_challenge_method", "S256");
    let Arrived::Page(page) = fixture.open(&address) else {
        panic!("the user was not asked");
    };
    assert_eq!(page.status, 200, "a registered client is refused");
    let decisions = page.button(&["approve"]).is_some() && page.button(&["deny"]).is_some();
    assert!(decisions, "the user cannot decide");
    assert_eq!(page.forms().len(), 1, "a name makes a form");
    if let Some(name) = name.filter(|name| name.contains('<')) {
        assert!(!page.body.contains(&name), "a name is HTML");
    }
}
