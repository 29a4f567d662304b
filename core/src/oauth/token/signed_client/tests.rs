//! Clients that sign (threats E13, E14, H7, H9).

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    ask::FetchFault,
    entra::testing::Signer,
    oauth::testing::{SignedIn, error, text},
};

const URL: &str = "https://app.example/client.json";
const KEYS: &str = "https://keys.example/jwks.json";
const CHATGPT: &str = "https://chatgpt.com/oauth/client.json";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// As sessions know a client that must sign.
const MUST_SIGN: &str = "private_key_jwt\0https://app.example/client.json";

/// Alice has approved a client with this document.
fn signed_in(client: &str, document: &Value) -> SignedIn {
    let mut alice = SignedIn::of(client);
    answers_as(&mut alice, document);
    alice
}

/// The host of the client will answer this document.
fn answers_as(alice: &mut SignedIn, document: &Value) {
    let mut whole = json!({"client_id": URL, "client_name": "App", "redirect_uris": ["http://127.0.0.1/cb"],
        "token_endpoint_auth_method": "private_key_jwt"});
    for (name, value) in document.as_object().unwrap() {
        whole[name] = value.clone();
    }
    answers(alice, &whole);
}

/// A host will answer this.
fn answers(alice: &mut SignedIn, body: &Value) {
    let response = Response::builder()
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()));
    alice.world.graph.push_back(Ok(response.unwrap()));
}

/// Good claims with these changes; what is changed to null is left out.
fn claims(alice: &SignedIn, changes: &Value) -> Value {
    let now = alice.world.server.now.unix.0;
    let mut claims = json!({"iss": URL, "sub": URL, "aud": "http://localhost:3001/token",
        "jti": "j8", "iat": now, "exp": now + 60});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

fn redeem(alice: &mut SignedIn, assertion: &str, more: &[(&str, &str)]) -> Response<Bytes> {
    let mut changes = vec![
        ("client_id", ""),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    changes.extend(more);
    alice.token(&changes)
}

fn asked(alice: &SignedIn) -> Vec<String> {
    alice
        .world
        .asked
        .iter()
        .map(|request| request.uri().to_string())
        .collect()
}

// H7: the keys are looked up once, and only when something is redeemed.
#[test]
fn client_redeems_refreshes_and_revokes_by_its_signature() {
    let mut alice = signed_in(MUST_SIGN, &json!({"jwks_uri": KEYS}));
    answers(&mut alice, &Signer::known().jwks());
    let first = Signer::known().jwt(&claims(&alice, &json!({})));
    let redeemed = redeem(&mut alice, &first, &[]);
    assert_eq!(
        redeemed.status(),
        200,
        "{}",
        crate::testing::text(&redeemed)
    );
    assert_eq!(asked(&alice), [URL, KEYS]);
    let tokens = crate::testing::json(&redeemed);
    assert!(alice.works(&tokens));
    let refresh_token = text(&tokens, "refresh_token").to_owned();
    for (jti, audience, refused) in [
        ("j8", "http://localhost:3001", Some("invalid_client")),
        ("j9", "http://localhost:3001", None),
    ] {
        let changes = json!({"jti": jti, "aud": ["other", audience]});
        let assertion = Signer::known().jwt(&claims(&alice, &changes));
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.as_str()),
            ("client_id", URL),
            ("client_assertion_type", TYPE),
            ("client_assertion", &assertion),
        ];
        let refreshed = alice.post("/token", &form);
        assert_eq!(
            refreshed.status(),
            if refused.is_some() { 401 } else { 200 },
            "{jti}"
        );
    }
    assert_eq!(asked(&alice).len(), 2);
    let mut form = vec![("client_id", URL), ("token", text(&tokens, "access_token"))];
    assert_eq!(error(&alice.post("/revoke", &form)), "invalid_client");
    assert!(alice.is_alive(), "RFC 7009 section 2.1");
    let changes = json!({"jti": "j10", "aud": "http://localhost:3001/revoke"});
    let assertion = Signer::known().jwt(&claims(&alice, &changes));
    form.extend([
        ("client_assertion_type", TYPE),
        ("client_assertion", &assertion),
    ]);
    assert_eq!(alice.post("/revoke", &form).status(), 200);
    assert!(!alice.is_alive());
}

// A15, E14: it cannot be asked for in its name, and what it has asked for is given to its signature only.
#[test]
fn device_of_a_client_that_must_sign_signs_at_both_endpoints() {
    let mut alice = signed_in(MUST_SIGN, &json!({"jwks_uri": KEYS}));
    alice.world.server.server.config.device_authorization = true;
    answers(&mut alice, &Signer::known().jwks());
    let unsigned = alice.post("/device_authorization", &[("client_id", URL)]);
    assert_eq!(error(&unsigned), "invalid_client");
    let assertion = |alice: &SignedIn, jti: &str| {
        let changes = json!({"jti": jti, "aud": "http://localhost:3001/device_authorization"});
        Signer::known().jwt(&claims(alice, &changes))
    };
    let first = assertion(&alice, "j1");
    let signed = [
        ("client_assertion_type", TYPE),
        ("client_assertion", &first),
    ];
    let begun = alice.post("/device_authorization", &signed);
    assert_eq!(begun.status(), 200, "{}", crate::testing::text(&begun));
    assert_eq!(
        error(&alice.post("/device_authorization", &signed)),
        "invalid_client",
        "again"
    );
    let begun = crate::testing::json(&begun);
    let grant = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", text(&begun, "device_code")),
    ];
    let unsigned = [&grant[..], &[("client_id", URL)]].concat();
    assert_eq!(error(&alice.post("/token", &unsigned)), "expired_token");
    let second = assertion(&alice, "j2");
    let signed = [
        ("client_assertion_type", TYPE),
        ("client_assertion", &second),
    ];
    let signed = [&grant[..], &signed].concat();
    assert_eq!(
        error(&alice.post("/token", &signed)),
        "authorization_pending"
    );
    assert_eq!(asked(&alice), [URL, KEYS]);
}

// E14, RFC 7523 section 3, RFC 8725 section 3: and the code stays good (E13).
#[test]
fn assertion_that_is_not_good_is_refused_and_spends_nothing() {
    let now = SignedIn::of(URL).world.server.now.unix.0;
    let header = |alg: &str| json!({"alg": alg, "kid": "known"});
    let crit = json!({"alg": "RS256", "kid": "known", "crit": ["x"]});
    for (header, changes, more) in [
        (
            header("RS256"),
            json!({"aud": "https://evil.example/token"}),
            vec![],
        ),
        (
            header("RS256"),
            json!({"aud": "http://localhost:3001/mcp"}),
            vec![],
        ),
        (
            header("RS256"),
            json!({"aud": "http://localhost:3001.evil.example"}),
            vec![],
        ),
        (header("RS256"), json!({"aud": null}), vec![]),
        (
            header("RS256"),
            json!({"iss": "https://evil.example/client.json"}),
            vec![],
        ),
        (
            header("RS256"),
            json!({"sub": "https://evil.example/client.json"}),
            vec![],
        ),
        (
            header("RS256"),
            json!({"iss": "dcr.a.b", "sub": "dcr.a.b"}),
            vec![],
        ),
        (header("RS256"), json!({"exp": now - 120}), vec![]),
        (header("RS256"), json!({"exp": now + 7200}), vec![]),
        (header("RS256"), json!({"exp": u64::MAX}), vec![]),
        (header("RS256"), json!({"exp": null}), vec![]),
        (header("RS256"), json!({"nbf": now + 600}), vec![]),
        (header("RS256"), json!({"iat": now + 600}), vec![]),
        (header("RS256"), json!({"jti": null}), vec![]),
        (header("RS256"), json!({"jti": ""}), vec![]),
        (header("none"), json!({}), vec![]),
        (header("HS256"), json!({}), vec![]),
        (header("PS256"), json!({"jti": 7}), vec![]),
        (crit, json!({}), vec![]),
        (
            header("RS256"),
            json!({}),
            vec![("client_id", "https://evil.example/client.json")],
        ),
        (
            header("RS256"),
            json!({}),
            vec![("client_assertion_type", "urn:other")],
        ),
    ] {
        let mut alice = signed_in(URL, &json!({"jwks": Signer::known().jwks()}));
        let assertion = Signer::known().jwt_of(&header, &claims(&alice, &changes));
        let refused = redeem_with(&mut alice, &assertion, &more);
        assert_eq!(
            error(&refused),
            "invalid_client",
            "{header} {changes} {more:?}"
        );
        assert!(asked(&alice).is_empty(), "nobody is asked: {changes}");
        let good = Signer::known().jwt(&claims(&alice, &json!({})));
        assert_eq!(redeem(&mut alice, &good, &[]).status(), 200, "{changes}");
    }
}

/// The same, where `more` replaces what is usual.
fn redeem_with(alice: &mut SignedIn, assertion: &str, more: &[(&str, &str)]) -> Response<Bytes> {
    let mut form = vec![
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    form.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    form.extend(more);
    if more.iter().all(|(name, _)| *name != "client_id") {
        form.push(("client_id", ""));
    }
    alice.token(&form)
}

// E14
#[test]
fn assertion_signed_by_another_key_or_changed_is_refused() {
    let keys = json!({"jwks": Signer::known().jwks()});
    let mut alice = signed_in(URL, &keys);
    let good = Signer::known().jwt(&claims(&alice, &json!({})));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = Signer::known().jwt(&claims(&alice, &json!({"jti": "other"})));
    let payload = other.split('.').nth(1).unwrap();
    for bad in [
        Signer::unknown().jwt(&claims(&alice, &json!({}))),
        Signer::unknown().jwt_of(&json!({"alg": "RS256"}), &claims(&alice, &json!({}))),
        format!("{header}.{payload}.{signature}"),
        format!("{signed}."),
        format!("{signed}.AAAA"),
    ] {
        let refused = redeem(&mut alice, &bad, &[]);
        assert_eq!(error(&refused), "invalid_client", "{bad}");
    }
    let both = redeem(&mut alice, &good, &[("client_secret", "x")]);
    assert_eq!(error(&both), "invalid_request");
    assert_eq!(redeem(&mut alice, &good, &[]).status(), 200);
}

// E14, H9: what a client that must sign was given needs its signature.
#[test]
fn code_of_a_client_that_must_sign_needs_its_signature() {
    let mut alice = signed_in(MUST_SIGN, &json!({"jwks": Signer::known().jwks()}));
    assert_eq!(error(&alice.token(&[("client_id", URL)])), "invalid_grant");
    let assertion = Signer::known().jwt(&claims(&alice, &json!({})));
    assert_eq!(redeem(&mut alice, &assertion, &[]).status(), 200);
}

// H7, M15: a stranger has nobody asked.
#[test]
fn assertion_with_a_made_up_code_causes_no_fetch() {
    let mut alice = signed_in(URL, &json!({"jwks_uri": KEYS}));
    let assertion = Signer::known().jwt(&claims(&alice, &json!({})));
    for code in ["made up", ""] {
        let refused = redeem(&mut alice, &assertion, &[("code", code)]);
        assert_eq!(error(&refused), "invalid_grant");
    }
    assert!(asked(&alice).is_empty());
}

// Sites refuse some clouds. Who may go without a signature does; who must sign tries again.
#[test]
fn keys_that_cannot_be_had_stop_those_alone_who_must_sign() {
    let mut alice = SignedIn::of(CHATGPT);
    alice.world.graph.push_back(Err(FetchFault::Unreachable));
    let names = json!({"iss": CHATGPT, "sub": CHATGPT});
    let assertion = Signer::known().jwt(&claims(&alice, &names));
    assert_eq!(redeem(&mut alice, &assertion, &[]).status(), 200);
    assert_eq!(asked(&alice), ["https://chatgpt.com/oauth/jwks.json"]);

    let mut alice = SignedIn::of(CHATGPT);
    answers(&mut alice, &Signer::known().jwks());
    let forged = Signer::unknown().jwt(&claims(&alice, &names));
    assert_eq!(error(&redeem(&mut alice, &forged, &[])), "invalid_client");

    let mut alice = signed_in(MUST_SIGN, &json!({"jwks_uri": KEYS}));
    alice.world.graph.push_back(Err(FetchFault::TimedOut));
    let assertion = Signer::known().jwt(&claims(&alice, &json!({})));
    let refused = redeem(&mut alice, &assertion, &[]);
    assert_eq!(refused.status(), 503);
    assert_eq!(error(&refused), "temporarily_unavailable");
}

#[test]
fn client_whose_document_names_no_keys_cannot_sign() {
    let vscode = "https://vscode.dev/oauth/client-metadata.json";
    let mut alice = SignedIn::of(vscode);
    let names = json!({"iss": vscode, "sub": vscode});
    let assertion = Signer::known().jwt(&claims(&alice, &names));
    assert_eq!(
        error(&redeem(&mut alice, &assertion, &[])),
        "invalid_client"
    );
}

// E14, Q5
#[test]
fn assertion_used_on_one_replica_proves_nothing_on_another() {
    for is_shared in [true, false] {
        let document = json!({"jwks": Signer::known().jwks()});
        let mut alice = signed_in(MUST_SIGN, &document);
        if is_shared {
            alice.world.share_store();
        }
        let assertion = Signer::known().jwt(&claims(&alice, &json!({})));
        let redeemed = redeem(&mut alice, &assertion, &[]);
        let tokens = crate::testing::json(&redeemed);
        alice.world.go_to_another_replica();
        answers_as(&mut alice, &document);
        let mut refresh = |assertion: &str| {
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", text(&tokens, "refresh_token")),
                ("client_id", URL),
                ("client_assertion_type", TYPE),
                ("client_assertion", assertion),
            ];
            alice.post("/token", &form).status()
        };
        assert_eq!(refresh(&assertion), if is_shared { 401 } else { 200 });
        let another = json!({"iss": URL, "sub": URL, "aud": "http://localhost:3001/token",
            "jti": "j9", "exp": 1_800_000_060});
        assert_eq!(refresh(&Signer::known().jwt(&another)), 200);
    }
}
