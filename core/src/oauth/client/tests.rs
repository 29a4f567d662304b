//! Tests of clients and how they prove who they are.

use ::http::{HeaderMap, header};
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::{
    http::form::Form,
    keys::MasterKey,
    oauth::error::{OAuthError, Refusal},
    testing::{TestServer, entropy},
};

fn keys() -> Keyring {
    Keyring::new(MasterKey::new([1; 32]), Vec::new())
}

fn client(method: AuthMethod) -> Client {
    let metadata = ClientMetadata {
        client_name: Some("Claude".to_owned()),
        redirect_uris: vec![RedirectUri::parse("https://client.example/cb").unwrap()],
        token_endpoint_auth_method: method,
    };
    Client::register(metadata, &keys(), &mut entropy(1)).unwrap()
}

fn secret_of(client: &Client) -> String {
    client.secret(&keys()).unwrap().expose().clone()
}

fn basic(name: &str, password: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
    headers.insert(header::AUTHORIZATION, value.parse().unwrap());
    headers
}

fn form(parameters: &[(&str, &str)]) -> Form {
    let text = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    Form::parse(text.as_bytes())
}

/// The client that a request proves to come from, at a server with these keys.
fn authenticate(
    form: &Form,
    headers: &HeaderMap,
    keys: &Keyring,
) -> Result<AuthenticatedClient, Refusal> {
    let mut server = TestServer::https();
    server.server.keys = keys.clone();
    Client::authenticate(form, headers, server.env())
}

fn error_of(form: &Form, headers: &HeaderMap) -> OAuthError {
    authenticate(form, headers, &keys()).unwrap_err().error
}

// H1, H2
#[test]
fn public_client_registered_twice_gets_the_same_client_id() {
    let client = client(AuthMethod::None);
    assert_eq!(Client::of_id(client.id(), &keys()), Some(client.clone()));
    let again = Client::register(client.metadata().clone(), &keys(), &mut entropy(2)).unwrap();
    assert_eq!(again.id(), client.id());
}

// H2
#[test]
fn changed_client_id_is_unknown() {
    let client = client(AuthMethod::None);
    for place in 0..client.id().len() {
        let mut id = client.id().as_bytes().to_vec();
        id[place] = if id[place] == b'A' { b'B' } else { b'A' };
        let id = String::from_utf8(id).unwrap();
        assert_eq!(Client::of_id(&id, &keys()), None, "{id}");
    }
    let (cut, _) = client.id().rsplit_once('.').unwrap();
    for id in [
        "",
        "dcr.",
        "dcr..",
        cut,
        &format!("{cut}."),
        "https://evil.example/client",
    ] {
        assert_eq!(Client::of_id(id, &keys()), None, "{id}");
    }
    let other = Keyring::new(MasterKey::new([2; 32]), Vec::new());
    assert_eq!(Client::of_id(client.id(), &other), None);
}

// E9: the secret is derived from the id, so the id must not be derived from the metadata.
#[test]
fn confidential_client_registered_twice_gets_two_secrets() {
    let mut entropy = entropy(1);
    for method in [AuthMethod::Post, AuthMethod::Basic] {
        let metadata = client(method).metadata().clone();
        let mut register = || Client::register(metadata.clone(), &keys(), &mut entropy).unwrap();
        let (one, other) = (register(), register());
        assert_ne!(one.id(), other.id());
        assert_ne!(secret_of(&one), secret_of(&other));
        assert_eq!(Client::of_id(one.id(), &keys()), Some(one));
        // What carries nothing but the metadata is no registration of a confidential client.
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&metadata).unwrap());
        let mac = keys().mac(Purpose::ClientId, body.as_bytes());
        let mac = URL_SAFE_NO_PAD.encode(mac.split_at(ID_MAC_BYTES).0);
        assert_eq!(
            Client::of_id(&format!("{PREFIX}{body}.{mac}"), &keys()),
            None
        );
    }
}

#[test]
fn client_id_survives_key_rotation() {
    let client = client(AuthMethod::Post);
    let secret = secret_of(&client);
    let rotated = Keyring::new(MasterKey::new([2; 32]), vec![MasterKey::new([1; 32])]);
    let form = form(&[("client_id", client.id()), ("client_secret", &secret)]);
    assert!(authenticate(&form, &HeaderMap::new(), &rotated).is_ok());
}

// B9
#[test]
fn omitted_redirect_uri_needs_a_single_registered_one() {
    let one = client(AuthMethod::None);
    assert!(one.redirect_uri(None).is_some());
    let mut metadata = one.metadata().clone();
    metadata
        .redirect_uris
        .push(RedirectUri::parse("https://client.example/2").unwrap());
    let two = Client::register(metadata, &keys(), &mut entropy(1)).unwrap();
    assert!(two.redirect_uri(None).is_none());
    assert!(two.redirect_uri(Some("https://client.example/2")).is_some());
    assert!(one.redirect_uri(Some("https://client.example/2")).is_none());
}

#[test]
fn public_client_authenticates_by_its_id_without_secret() {
    let client = client(AuthMethod::None);
    assert!(client.secret(&keys()).is_none());
    let id_only = form(&[("client_id", client.id())]);
    assert!(authenticate(&id_only, &HeaderMap::new(), &keys()).is_ok());
    let with_secret = form(&[("client_id", client.id()), ("client_secret", "x")]);
    assert_eq!(
        error_of(&with_secret, &HeaderMap::new()),
        OAuthError::InvalidClient
    );
}

// E9
#[test]
fn confidential_client_authenticates_by_form_or_basic() {
    let client = client(AuthMethod::Basic);
    let (id, secret) = (client.id(), secret_of(&client));
    let none = HeaderMap::new();
    let by_form = form(&[("client_id", id), ("client_secret", &secret)]);
    assert!(authenticate(&by_form, &none, &keys()).is_ok());
    assert!(authenticate(&form(&[]), &basic(id, &secret), &keys()).is_ok());
    let encoded = id.replace('.', "%2E");
    assert!(authenticate(&form(&[]), &basic(&encoded, &secret), &keys()).is_ok());
    let with_id = form(&[("client_id", id)]);
    assert!(authenticate(&with_id, &basic(id, &secret), &keys()).is_ok());

    let wrong = form(&[("client_id", id), ("client_secret", "wrong")]);
    assert_eq!(error_of(&wrong, &none), OAuthError::InvalidClient);
    assert_eq!(error_of(&with_id, &none), OAuthError::InvalidClient);
    assert_eq!(error_of(&form(&[]), &none), OAuthError::InvalidClient);
    assert_eq!(
        error_of(&form(&[]), &basic(id, "wrong")),
        OAuthError::InvalidClient
    );
}

// Some clients send Basic with an empty password first, some the parameter without a value, some encode nothing.
#[test]
fn empty_secret_is_none_however_it_is_sent() {
    const URL: &str = "https://app.example/client.json";
    let public = client(AuthMethod::None);
    for id in [public.id(), URL] {
        let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let (none, empty) = (
            HeaderMap::new(),
            form(&[("client_id", id), ("client_secret", "")]),
        );
        for (form, headers) in [
            (form(&[]), basic(&encoded, "")),
            (form(&[]), basic(id, "")),
            (form(&[("client_id", id)]), basic(&encoded, "")),
            (empty, none),
            (
                form(&[("client_id", id), ("client_secret", "")]),
                basic(id, ""),
            ),
        ] {
            let found = authenticate(&form, &headers, &keys());
            assert_eq!(found.map(|client| client.id).as_deref(), Ok(id), "{form:?}");
        }
        assert_eq!(
            error_of(&form(&[]), &basic(&encoded, "x")),
            OAuthError::InvalidClient
        );
    }
    let confidential = client(AuthMethod::Basic);
    for headers in [basic(confidential.id(), ""), HeaderMap::new()] {
        let empty = form(&[("client_id", confidential.id()), ("client_secret", "")]);
        assert_eq!(error_of(&empty, &headers), OAuthError::InvalidClient);
    }
}

#[test]
fn two_authentication_methods_at_once_are_refused() {
    let client = client(AuthMethod::Post);
    let (id, secret) = (client.id(), secret_of(&client));
    let both = form(&[("client_id", id), ("client_secret", &secret)]);
    assert_eq!(
        error_of(&both, &basic(id, &secret)),
        OAuthError::InvalidRequest
    );
    let other = form(&[("client_id", "other")]);
    assert_eq!(
        error_of(&other, &basic(id, &secret)),
        OAuthError::InvalidRequest
    );
    let twice = form(&[("client_id", id), ("client_id", id)]);
    assert_eq!(
        error_of(&twice, &HeaderMap::new()),
        OAuthError::InvalidRequest
    );
}

// E9, E10
#[test]
fn unknown_client_gets_401_with_a_challenge_for_basic_only() {
    let unknown = form(&[("client_id", "dcr.gone.gone")]);
    let refusal = authenticate(&unknown, &HeaderMap::new(), &keys()).unwrap_err();
    let response = refusal.response();
    assert_eq!(response.status(), 401);
    assert!(!response.headers().contains_key(header::WWW_AUTHENTICATE));
    let headers = basic("dcr.gone.gone", "secret");
    let refusal = authenticate(&form(&[]), &headers, &keys()).unwrap_err();
    let response = refusal.response();
    assert_eq!(response.status(), 401);
    let challenge = &response.headers()[header::WWW_AUTHENTICATE];
    assert!(challenge.as_bytes().starts_with(b"Basic "));
}

#[test]
fn invalid_basic_header_is_no_client() {
    for value in [
        "Bearer x",
        "Basic",
        "Basic !!!",
        "Basic YQ==",
        "Negotiate x",
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        assert_eq!(error_of(&form(&[]), &headers), OAuthError::InvalidClient);
    }
}
