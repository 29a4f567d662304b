//! Every reason to refuse an access token, in the order of the checks (threat D16).

mod callers;

use serde_json::{Value, json};

use super::*;
use crate::{
    catalog::PrincipalKind,
    entra::testing::{ALICE, CALLER, Signer, TENANT, access_claims},
    provider_metadata::V1Metadata,
    testing::TestServer,
};

const OTHER: &str = "99999999-9999-9999-9999-999999999999";
const URI: &str = "https://mcp.contoso.com/mcp";

fn both_versions() -> AcceptedEntraTokens {
    let mut accepted = AcceptedEntraTokens::default();
    accepted.add_version(TokenVersion::V1);
    accepted.add_version(TokenVersion::V2);
    assert!(accepted.add_app_id_uri(URI));
    accepted
}

/// A server that takes tokens of both versions.
fn server() -> TestServer {
    let mut server = TestServer::dev().with_mail();
    server.server.config.entra_tokens = Some(both_versions());
    let mut metadata = crate::testing::provider_metadata();
    let mut key = Signer::known().public();
    key.issuer = None;
    metadata.v1 = Some(V1Metadata {
        issuer: format!("https://sts.example/{TENANT}/"),
        keys: vec![key],
    });
    server.known.metadata = Some(metadata.into());
    server
}

fn read(server: &TestServer, token: &str) -> Result<EntraCaller, EntraTokenError> {
    let accepted = server.server.config.entra_tokens.as_ref().unwrap();
    let metadata = server.known.metadata.as_ref().unwrap();
    verify(token, accepted, metadata, server.env())
}

fn verified(server: &TestServer, changes: &Value) -> Result<EntraCaller, EntraTokenError> {
    let claims = access_claims(server, changes);
    read(server, &Signer::known().jwt(&claims))
}

/// The reason of a refusal with 401.
fn reason(server: &TestServer, changes: &Value) -> &'static str {
    match verified(server, changes) {
        Err(EntraTokenError::Invalid(reason)) => reason,
        other => panic!("{changes}: {other:?}"),
    }
}

/// The changes that make a token one of version 1.0.
fn v1(changes: &Value) -> Value {
    let mut claims = json!({
        "ver": "1.0", "iss": format!("https://sts.example/{TENANT}/"), "aud": URI, "azp": null, "azpacr": null,
        "appid": CALLER, "preferred_username": null, "upn": "alice@contoso.example",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[test]
fn access_token_of_a_user_names_user_application_scopes_and_end() {
    let server = server();
    let end = server.now.unix.0 + 3600;
    for changes in [json!({}), v1(&json!({})), json!({"idtyp": null})] {
        let changes = {
            let mut all = changes;
            all["scp"] = json!("mail.read other user.read");
            all["roles"] = json!(["Reports.Read"]);
            all
        };
        let caller = verified(&server, &changes).unwrap();
        assert_eq!(
            (caller.tenant_id.as_str(), caller.oid.as_str()),
            (TENANT, ALICE)
        );
        assert_eq!(
            (caller.kind, caller.application.as_str()),
            (PrincipalKind::User, CALLER)
        );
        assert_eq!(caller.scope, "user.read mail.read");
        assert_eq!(caller.username.as_deref(), Some("alice@contoso.example"));
        assert!(caller.roles.contains("Reports.Read"));
        assert_eq!(caller.expires.0, end);
    }
}

// D24: though the operator has listed it.
#[test]
fn tenant_of_personal_accounts_is_taken_of_nobody() {
    let mut server = server();
    let listed = [PERSONAL_ACCOUNTS.to_owned(), OTHER.to_owned()];
    server.server.config.entra.tenants = crate::config::Tenants::Listed(listed.into());
    let mut metadata = crate::testing::provider_metadata();
    metadata.issuer = "https://login.example/{tenantid}/v2.0".to_owned();
    for key in &mut metadata.keys {
        key.issuer = None;
    }
    server.known.metadata = Some(metadata.into());
    let of = |tenant| {
        let iss = format!("https://login.example/{tenant}/v2.0");
        json!({"tid": tenant, "iss": iss})
    };
    assert!(verified(&server, &of(OTHER)).is_ok());
    let refused = reason(&server, &of(PERSONAL_ACCOUNTS));
    assert_eq!(refused, "the tenant is another");
}

// D16
#[test]
fn token_that_is_no_access_token_for_this_application_is_refused_with_its_reason() {
    let server = server();
    let now = server.now.unix.0;
    let foreign = format!("https://login.example/{OTHER}/v2.0");
    let personal = format!("https://login.example/{PERSONAL_ACCOUNTS}/v2.0");
    for (changes, expected) in [
        (json!({"ver": "3.0"}), "the version is neither 1.0 nor 2.0"),
        (json!({"ver": null}), "the version is neither 1.0 nor 2.0"),
        (json!({"ver": 2.0}), "a claim is malformed"),
        (json!({"tid": "contoso"}), "tid is no GUID"),
        (
            json!({"tid": OTHER, "iss": foreign}),
            "the tenant is another",
        ),
        (
            json!({"tid": PERSONAL_ACCOUNTS, "iss": personal}),
            "the tenant is another",
        ),
        (json!({"iss": foreign}), "the key signs for another issuer"),
        (json!({"tid": OTHER}), "the issuer is another"),
        (
            json!({"iss": format!("https://evil.example/{TENANT}/v2.0")}),
            "the key signs for another issuer",
        ),
        (json!({"aud": OTHER}), "the audience is another"),
        (json!({"aud": URI}), "the audience is another"),
        (
            json!({"aud": [server.server.config.entra.client_id]}),
            "the audience is another",
        ),
        (json!({"aud": null}), "the audience is another"),
        (json!({"aud": GRAPH_AUDIENCES[0]}), GRAPH),
        (v1(&json!({"aud": "https://graph.microsoft.com"})), GRAPH),
        (
            v1(&json!({"aud": "api://other"})),
            "the audience is another",
        ),
        (
            v1(&json!({"iss": format!("https://login.example/{TENANT}/v2.0")})),
            "the issuer is another",
        ),
        (json!({"exp": null}), "it does not say when it is good"),
        (json!({"nbf": null}), "it does not say when it is good"),
        (json!({"exp": "4500"}), "a claim is malformed"),
        (json!({"exp": now - 301}), "it has expired"),
        (json!({"nbf": now + 301}), "it is not valid yet"),
        (json!({"exp": now + 30 * 3600}), "it is good for too long"),
        (json!({"oid": null}), "oid or sub is missing"),
        (json!({"oid": "alice"}), "oid or sub is missing"),
        (json!({"sub": null}), "oid or sub is missing"),
        (json!({"azp": "cli"}), "the application is no GUID"),
        (json!({"idtyp": "device"}), "idtyp is neither user nor app"),
    ] {
        assert_eq!(reason(&server, &changes), expected, "{changes}");
    }
    let leeway = json!({"exp": now - 200, "nbf": now + 200});
    assert!(verified(&server, &leeway).is_ok(), "clocks differ");
}

// D16: ID tokens of our own client have the same keys, issuer and audience.
#[test]
fn id_token_is_no_access_token() {
    let server = server();
    let no_access_token = "it is no access token: perhaps an ID token";
    for changes in [
        json!({"azp": null, "azpacr": null, "scp": null, "idtyp": null, "nonce": "n"}),
        json!({"azp": null, "azpacr": null, "scp": null, "idtyp": null}),
        json!({"nonce": "n"}),
        json!({"c_hash": "h"}),
        json!({"at_hash": "h"}),
        json!({"scp": null, "idtyp": null}),
        json!({"azp": null, "appid": CALLER}),
    ] {
        assert_eq!(reason(&server, &changes), no_access_token, "{changes}");
    }
    // A token that grants nothing: any client of the tenant can get one.
    for changes in [
        json!({"idtyp": null, "scp": "/"}),
        json!({"idtyp": null, "scp": "", "roles": []}),
    ] {
        assert!(reason(&server, &changes).starts_with("it grants nothing"));
    }
}

// D16: the algorithm and the key are ours to choose.
#[test]
fn token_of_another_algorithm_type_or_key_is_refused() {
    let server = server();
    let claims = access_claims(&server, &json!({}));
    let signer = Signer::known();
    for (header, expected) in [
        (
            json!({"alg": "none", "kid": "known"}),
            "the algorithm is not RS256",
        ),
        (
            json!({"alg": "HS256", "kid": "known"}),
            "the algorithm is not RS256",
        ),
        (
            json!({"alg": "PS256", "kid": "known"}),
            "the algorithm is not RS256",
        ),
        (
            json!({"alg": "RS256", "kid": "known", "crit": ["b64"]}),
            "the algorithm is not RS256",
        ),
        (
            json!({"alg": "RS256", "kid": "known", "typ": "at+jwt"}),
            "it is a token of another type",
        ),
        (json!({"alg": "RS256", "kid": "known", "nonce": "n"}), GRAPH),
        (json!({"kid": "known"}), "it is no JWT"),
    ] {
        let refused = read(&server, &signer.jwt_of(&header, &claims));
        assert_eq!(refused, Err(EntraTokenError::Invalid(expected)), "{header}");
    }
    for header in [
        json!({"alg": "RS256", "kid": "new"}),
        json!({"alg": "RS256"}),
    ] {
        let refused = read(&server, &signer.jwt_of(&header, &claims));
        assert_eq!(refused, Err(EntraTokenError::UnknownKey), "{header}");
    }
    let header = json!({"alg": "RS256", "kid": "known", "typ": "JWT"});
    let forged = read(&server, &Signer::unknown().jwt_of(&header, &claims));
    assert_eq!(
        forged,
        Err(EntraTokenError::Invalid("the signature is wrong"))
    );
    assert!(read(&server, &signer.jwt_of(&header, &claims)).is_ok());
}

// D16
#[test]
fn token_cut_changed_or_with_a_claim_twice_is_refused() {
    let server = server();
    let token = Signer::known().jwt(&access_claims(&server, &json!({})));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let other = access_claims(&server, &json!({"oid": TENANT}));
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    for changed in [
        String::new(),
        "..".to_owned(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{header}..{signature}"),
        format!("{header}.{other}.{signature}"),
        format!("{token}="),
        format!("{token}.{signature}"),
        format!(
            "{header}.{payload}.{}",
            "A".repeat(limits::ENTRA_TOKEN_BYTES)
        ),
    ] {
        let refused = read(&server, &changed);
        assert!(
            matches!(refused, Err(EntraTokenError::Invalid(_))),
            "{changed}"
        );
    }
    let claims = access_claims(&server, &json!({})).to_string();
    let twice = claims.replacen('{', &format!("{{\"oid\":\"{TENANT}\","), 1);
    let twice = Signer::known().jwt_of_text(&json!({"alg": "RS256", "kid": "known"}), &twice);
    let malformed = Err(EntraTokenError::Invalid("a claim is malformed"));
    assert_eq!(read(&server, &twice), malformed);
}

#[test]
fn version_that_is_not_taken_is_refused() {
    let mut server = server();
    let mut accepted = AcceptedEntraTokens::default();
    accepted.add_version(TokenVersion::V2);
    server.server.config.entra_tokens = Some(accepted);
    let refused = reason(&server, &v1(&json!({})));
    assert_eq!(refused, "it is of version 1.0, which is not taken");
    assert!(verified(&server, &json!({})).is_ok());
    let mut accepted = AcceptedEntraTokens::default();
    accepted.add_version(TokenVersion::V1);
    assert!(accepted.add_app_id_uri(URI));
    server.server.config.entra_tokens = Some(accepted);
    let refused = reason(&server, &json!({}));
    assert_eq!(refused, "it is of version 2.0, which is not taken");
    assert!(verified(&server, &v1(&json!({"aud": format!("{URI}/")}))).is_ok());
}

// D16
#[test]
fn keys_of_version_1_may_state_the_issuer_of_version_2_of_the_same_tenant() {
    let mut server = server();
    let set = |server: &mut TestServer, issuer: &str| {
        let mut metadata = (**server.known.metadata.as_ref().unwrap()).clone();
        metadata.v1.as_mut().unwrap().keys[0].issuer = Some(issuer.to_owned());
        server.known.metadata = Some(metadata.into());
    };
    set(&mut server, &format!("https://login.example/{TENANT}/v2.0"));
    assert!(verified(&server, &v1(&json!({}))).is_ok());
    set(&mut server, &format!("https://login.example/{OTHER}/v2.0"));
    let refused = reason(&server, &v1(&json!({})));
    assert_eq!(refused, "the key signs for another issuer");
}
