//! The token endpoint and revocation, on a server with a store and a scripted Entra.

use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    ask::Guard,
    entropy::Entropy,
    limits,
    mcp::testing::{GRAPH_TOKEN, World},
    oauth::handle,
    session::record::{Code, Session},
    testing::{self, client_id, entropy, header, session_of},
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT_URI: &str = "http://127.0.0.1:5000/callback";

/// Alice has approved a client and come back from Entra: this is the code it was sent.
struct SignedIn {
    world: World,
    client: String,
    code: String,
}

impl SignedIn {
    fn new() -> Self {
        let mut world = World::new();
        let client = client_id(&world.server, &[REDIRECT_URI]);
        world.sign_in("alice", &client, "user.read");
        let (session, secret) = session_of("alice", &client);
        let keys = &world.server.server.keys;
        let code = handle::new_code(session.id, &secret, &mut entropy(5), keys);
        let mut signed_in = Self {
            world,
            client,
            code: code.expose().clone(),
        };
        let expires = signed_in
            .world
            .server
            .now
            .unix
            .after(limits::AUTHORIZATION_CODE);
        signed_in.change(|session| {
            session.code = Code::Open {
                hash: handle::hash(&code),
                code_challenge: CHALLENGE.to_owned(),
                redirect_uri: REDIRECT_URI.to_owned(),
                expires,
            };
        });
        signed_in
    }

    fn change(&mut self, change: impl FnOnce(&mut Session)) {
        let keys = self.world.server.server.keys.clone();
        let (session, _) = session_of("alice", &self.client);
        let stored = &self.world.store[&session.id.key().0];
        let (mut session, _) = Session::open(session.id, stored, &keys).unwrap();
        change(&mut session);
        let mut random: Entropy = entropy(6);
        let put = session.put(Guard::Any, stored.record.expires, &keys, &mut random);
        self.world.ask(put).unwrap();
    }

    fn is_alive(&self) -> bool {
        let (session, _) = session_of("alice", &self.client);
        self.world.store.contains_key(&session.id.key().0)
    }

    fn later(&mut self, duration: Duration) {
        let now = &mut self.world.server.now;
        now.unix = now.unix.after(duration);
        now.instant = now.instant.after(duration);
    }

    fn post(&mut self, target: &str, form: &[(&str, &str)]) -> Response<Bytes> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self
            .world
            .server
            .request("POST", target)
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(Bytes::from(body));
        self.world.send(request.unwrap())
    }

    fn token(&mut self, changes: &[(&str, &str)]) -> Response<Bytes> {
        let (client, code) = (self.client.clone(), self.code.clone());
        let good = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", code.as_str()),
            ("code_verifier", VERIFIER),
            ("redirect_uri", REDIRECT_URI),
        ];
        let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
        let mut form: Vec<_> = good
            .into_iter()
            .filter(|(name, _)| !is_changed(name))
            .collect();
        form.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.post("/token", &form)
    }

    fn refresh(&mut self, refresh_token: &str, more: &[(&str, &str)]) -> Response<Bytes> {
        let client = self.client.clone();
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("refresh_token", refresh_token),
        ];
        form.extend(more);
        self.post("/token", &form)
    }

    fn redeem(&mut self) -> Value {
        let response = self.token(&[]);
        assert_eq!(response.status(), 200, "{}", testing::text(&response));
        testing::json(&response)
    }

    fn works(&mut self, tokens: &Value) -> bool {
        let request = self
            .world
            .server
            .request("POST", "/mcp")
            .header(
                "authorization",
                format!("Bearer {}", text(tokens, "access_token")),
            )
            .header("content-type", "application/json")
            .body(Bytes::from(crate::mcp::testing::initialize("2025-11-25")));
        self.world.send(request.unwrap()).status() == 200
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn error(response: &Response<Bytes>) -> String {
    assert_eq!(header(response, "cache-control"), "no-store");
    text(&testing::json(response), "error").to_owned()
}

// TOK-13 to TOK-15, LEAK-01, LEAK-02
#[test]
fn a_code_gives_tokens_and_nothing_of_entras() {
    let mut alice = SignedIn::new();
    let response = alice.token(&[]);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "cache-control"), "no-store");
    let body = testing::json(&response);
    let members: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        [
            "access_token",
            "expires_in",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    assert_eq!(
        (text(&body, "token_type"), text(&body, "scope")),
        ("Bearer", "user.read")
    );
    assert_eq!(body["expires_in"], 3600);
    assert!(!body.to_string().contains("entra"));
    assert!(alice.works(&body));
}

// TOK-01, TOK-06 to TOK-08, TOK-25, TOK-26, C3, E10: they are all answered alike.
#[test]
fn what_is_not_the_code_of_this_client_and_verifier_is_invalid_grant() {
    let mut alice = SignedIn::new();
    let other = client_id(&alice.world.server, &["https://other.example/cb"]);
    let wrong = [
        ("code", "junk"),
        (
            "code_verifier",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX",
        ),
        ("code_verifier", "short"),
        ("redirect_uri", "http://127.0.0.1:5000/other"),
        ("client_id", &other),
    ];
    let mut answers = Vec::new();
    for change in wrong {
        let response = alice.token(&[change]);
        assert_eq!(
            (response.status().as_u16(), error(&response).as_str()),
            (400, "invalid_grant")
        );
        answers.push(testing::text(&response));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    alice.redeem();
}

// OAuth 2.1 10.2; threats.md section 3
#[test]
fn the_redirect_uri_may_be_left_out() {
    assert_eq!(SignedIn::new().token(&[("redirect_uri", "")]).status(), 200);
}

// C3, TOK-28
#[test]
fn a_code_is_good_for_a_minute() {
    let mut alice = SignedIn::new();
    alice.later(limits::AUTHORIZATION_CODE);
    assert_eq!(error(&alice.token(&[])), "invalid_grant");
}

// E2: TOK-03, TOK-04
#[test]
fn a_code_that_is_used_twice_ends_what_it_gave() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    assert_eq!(error(&alice.token(&[])), "invalid_grant");
    assert!(!alice.is_alive() && !alice.works(&tokens));
    let again = alice.refresh(text(&tokens, "refresh_token"), &[]);
    assert_eq!(error(&again), "invalid_grant");
}

// E1: TOK-10 to TOK-12
#[test]
fn a_request_of_another_shape_is_refused() {
    let mut alice = SignedIn::new();
    assert_eq!(
        error(&alice.token(&[("grant_type", "password")])),
        "unsupported_grant_type"
    );
    for missing in ["grant_type", "code", "code_verifier"] {
        assert_eq!(
            error(&alice.token(&[(missing, "")])),
            "invalid_request",
            "{missing}"
        );
    }
    let twice = [("code_verifier", VERIFIER), ("code_verifier", VERIFIER)];
    assert_eq!(error(&alice.token(&twice)), "invalid_request");
    assert_eq!(
        error(&alice.post("/token?grant_type=x", &[])),
        "invalid_request"
    );
    let json = alice.world.server.request("POST", "/token");
    let json = json
        .header("content-type", "application/json")
        .body(Bytes::from("{}"));
    assert_eq!(error(&alice.world.send(json.unwrap())), "invalid_request");
    let get = alice
        .world
        .server
        .request("GET", "/token")
        .body(Bytes::new());
    assert_eq!(alice.world.send(get.unwrap()).status(), 405);
}

// products 5; E9: TOK-22, TOK-23
#[test]
fn an_unknown_client_is_401_invalid_client() {
    let mut alice = SignedIn::new();
    for unknown in ["dcr.junk", "https://client.example/metadata.json", ""] {
        let response = alice.token(&[("client_id", unknown)]);
        assert_eq!(response.status(), 401);
        assert_eq!(error(&response), "invalid_client");
    }
}

// C9: TOK-20, TOK-21; conformance.md 11: equal modulo a slash
#[test]
fn the_resource_must_be_the_one_that_was_signed_in_for() {
    let mut alice = SignedIn::new();
    for foreign in ["https://other.example/mcp", "http://localhost:3001/sse"] {
        assert_eq!(
            error(&alice.token(&[("resource", foreign)])),
            "invalid_target"
        );
    }
    let response = alice.token(&[("resource", "http://localhost:3001/mcp/")]);
    assert_eq!(response.status(), 200);
    let tokens = testing::json(&response);
    let refresh_token = text(&tokens, "refresh_token");
    let foreign = alice.refresh(refresh_token, &[("resource", "https://other.example/mcp")]);
    assert_eq!(error(&foreign), "invalid_target");
    let same = alice.refresh(refresh_token, &[("resource", "http://localhost:3001/mcp")]);
    assert_eq!(same.status(), 200);
}

// E5: TOK-16; D10: Entra is asked too, as ourselves, without resource
#[test]
fn a_refresh_gives_another_refresh_token_and_refreshes_with_entra() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    alice.later(Duration::from_secs(3000));
    let response = alice.refresh(text(&first, "refresh_token"), &[("scope", "user.read")]);
    assert_eq!(response.status(), 200, "{}", testing::text(&response));
    let second = testing::json(&response);
    assert_ne!(
        text(&first, "refresh_token"),
        text(&second, "refresh_token")
    );
    assert_ne!(text(&first, "access_token"), text(&second, "access_token"));
    assert!(alice.works(&second));
    let [sent] = alice.world.redeemed.as_slice() else {
        panic!("Entra is asked once");
    };
    let sent = String::from_utf8(sent.body().to_vec()).unwrap();
    assert!(
        sent.contains("entra+refresh+token+of+alice") && !sent.contains("resource"),
        "{sent}"
    );
}

// E6, products 18: who repeats its last refresh gets the same successor, until that was used.
#[test]
fn the_last_refresh_may_be_repeated_for_a_while_and_gives_the_same_successor() {
    let mut alice = SignedIn::new();
    let first = text(&alice.redeem(), "refresh_token").to_owned();
    let second = text(&testing::json(&alice.refresh(&first, &[])), "refresh_token").to_owned();
    alice.later(limits::REFRESH_GRACE);
    let again = text(&testing::json(&alice.refresh(&first, &[])), "refresh_token").to_owned();
    assert_eq!(second, again);
    assert_eq!(alice.refresh(&second, &[]).status(), 200);
    assert_eq!(error(&alice.refresh(&first, &[])), "invalid_grant");
    assert!(!alice.is_alive(), "the successor was used: this is a reuse");
}

// E6: TOK-17, TOK-31
#[test]
fn an_old_refresh_token_ends_the_session() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let response = alice.refresh(text(&first, "refresh_token"), &[]);
    let second = testing::json(&response);
    alice.later(limits::REFRESH_GRACE + Duration::from_secs(1));
    assert_eq!(
        error(&alice.refresh(text(&first, "refresh_token"), &[])),
        "invalid_grant"
    );
    assert!(!alice.works(&second));
    assert_eq!(
        error(&alice.refresh(text(&second, "refresh_token"), &[])),
        "invalid_grant"
    );
    assert!(
        alice
            .world
            .audits
            .iter()
            .any(|audit| audit.event.contains("used twice"))
    );
}

// E3, E6: somebody else wrote the session meanwhile.
#[test]
fn a_lost_race_is_run_again() {
    let mut alice = SignedIn::new();
    alice.world.conflicts = 1;
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(3000));
    alice.world.conflicts = 2;
    let refreshed = alice.refresh(text(&tokens, "refresh_token"), &[]);
    assert_eq!(refreshed.status(), 200);
}

// E7: TOK-19, TOK-20; E8: TOK-09
#[test]
fn a_refresh_token_is_its_clients_and_cannot_widen() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let refresh_token = text(&tokens, "refresh_token").to_owned();
    let access_token = text(&tokens, "access_token").to_owned();
    let mine = std::mem::replace(
        &mut alice.client,
        client_id(&alice.world.server, &["https://other.example/cb"]),
    );
    assert_eq!(error(&alice.refresh(&refresh_token, &[])), "invalid_grant");
    alice.client = mine;
    let code = alice.code.clone();
    for other_kind in [&access_token, &code] {
        assert_eq!(error(&alice.refresh(other_kind, &[])), "invalid_grant");
    }
    let wider = alice.refresh(&refresh_token, &[("scope", "mail.send")]);
    assert_eq!(error(&wider), "invalid_scope");
    assert!(alice.is_alive());
}

// D10: whoever Entra does not let in any more is out here too.
#[test]
fn when_entra_says_no_for_good_the_session_ends() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(3000));
    let description = "AADSTS50057: alice@contoso.example is disabled";
    let refusal =
        json!({"error": "invalid_grant", "error_codes": [50057], "error_description": description});
    alice.world.entra_says(400, &refusal);
    let response = alice.refresh(text(&tokens, "refresh_token"), &[]);
    assert_eq!(error(&response), "invalid_grant");
    assert!(!testing::text(&response).contains("AADSTS"), "D5, O1");
    assert!(!alice.is_alive() && !alice.works(&tokens));
    let audits = format!("{:?}", alice.world.audits);
    assert!(
        audits.contains("50057") && !audits.contains("contoso"),
        "{audits}"
    );
}

// D14: the environment's fault changes nothing.
#[test]
fn when_entra_is_out_of_reach_nothing_is_lost() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(3000));
    alice
        .world
        .entra
        .push_back(Err(crate::ask::FetchFault::TimedOut));
    alice
        .world
        .entra_says(429, &json!({"error": "temporarily_unavailable"}));
    for _ in 0..2 {
        let response = alice.refresh(text(&tokens, "refresh_token"), &[]);
        assert_eq!(response.status(), 503);
        assert_eq!(header(&response, "retry-after"), "5");
        assert_eq!(error(&response), "temporarily_unavailable");
    }
    assert_eq!(
        alice.refresh(text(&tokens, "refresh_token"), &[]).status(),
        200
    );
}

#[test]
fn when_the_store_is_down_it_is_503_everywhere() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.world.store_is_down = true;
    let client = alice.client.clone();
    let form = [
        ("client_id", client.as_str()),
        ("token", text(&tokens, "access_token")),
    ];
    assert_eq!(alice.post("/revoke", &form).status(), 503);
    assert_eq!(
        alice.refresh(text(&tokens, "refresh_token"), &[]).status(),
        503
    );
    assert_eq!(alice.token(&[]).status(), 503);
}

// E11: REV-01 to REV-03, REV-10; conformance.md 11.4
#[test]
fn either_token_ends_the_session_and_its_streams() {
    for (name, hint) in [
        ("access_token", "refresh_token"),
        ("refresh_token", "access_token"),
    ] {
        let mut alice = SignedIn::new();
        let tokens = alice.redeem();
        let client = alice.client.clone();
        let form = [
            ("client_id", client.as_str()),
            ("token", text(&tokens, name)),
            ("token_type_hint", hint),
        ];
        assert_eq!(alice.post("/revoke", &form).status(), 200);
        assert!(!alice.works(&tokens) && !alice.is_alive(), "{name}");
        assert_eq!(
            error(&alice.refresh(text(&tokens, "refresh_token"), &[])),
            "invalid_grant"
        );
        assert_eq!(alice.post("/revoke", &form).status(), 200, "again");
    }
}

// REV-04, REV-05, REV-09
#[test]
fn unknown_tokens_and_those_of_others_are_answered_like_known_ones() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let other = client_id(&alice.world.server, &["https://other.example/cb"]);
    let mut answers = Vec::new();
    for token in [
        "no-such-token",
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    ] {
        let response = alice.post("/revoke", &[("client_id", &other), ("token", token)]);
        answers.push((response.status().as_u16(), testing::text(&response)));
    }
    answers.dedup();
    assert_eq!(answers, [(200, String::new())]);
    assert!(alice.works(&tokens));
    assert_eq!(alice.post("/revoke", &[("token", "x")]).status(), 401);
    let get = alice
        .world
        .server
        .request("GET", "/revoke?token=x")
        .body(Bytes::new());
    assert_eq!(alice.world.send(get.unwrap()).status(), 405);
}

// G3: codes and refresh tokens are kept as hashes, Entra's tokens sealed under what the client has.
#[test]
fn the_record_holds_no_token_even_when_it_is_opened() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let (session, _) = session_of("alice", &alice.client);
    let stored = &alice.world.store[&session.id.key().0];
    let keys = &alice.world.server.server.keys;
    let opened = keys.open(
        crate::keys::Purpose::SessionRecord,
        session.id.bytes(),
        b"",
        &stored.record.bytes,
    );
    let opened = String::from_utf8(opened.unwrap()).unwrap();
    for secret in [text(&tokens, "refresh_token"), &alice.code, GRAPH_TOKEN] {
        assert!(!opened.contains(secret));
        assert!(!String::from_utf8_lossy(&stored.record.bytes).contains(secret));
    }
}
