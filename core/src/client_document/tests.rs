//! Tests of documents.

use serde_json::json;

use super::*;

const URL: &str = "https://app.example/client.json";

fn url() -> ClientIdUrl {
    ClientIdUrl::parse(URL).unwrap()
}

/// A good document with these members changed; `null` takes one away.
fn document(changes: &Value) -> Response<Bytes> {
    let mut document = json!({
        "client_id": URL,
        "client_name": "App",
        "redirect_uris": ["https://app.example/cb", "http://127.0.0.1/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    let members = document.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    answer(document.to_string())
}

fn answer(body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder()
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

fn read(changes: &Value) -> Result<ClientDocument, DocumentError> {
    ClientDocument::read(&url(), &document(changes))
}

#[test]
fn document_that_names_itself_is_read() {
    let document = read(&json!({})).unwrap();
    assert_eq!(document.client_name, "App");
    assert_eq!(
        document.redirect_uris,
        ["https://app.example/cb", "http://127.0.0.1/cb"]
    );
    for changes in [
        json!({"token_endpoint_auth_method": null}),
        json!({"grant_types": null, "response_types": null}),
        // Claude's, VS Code's
        json!({"grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"]}),
        json!({"application_type": "native", "logo_uri": "javascript:alert(1)", "unknown": [[]]}),
        // ChatGPT's
        json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "jwks_uri": "https://app.example/jwks.json",
        }),
        json!({"jwks": {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks.json"}),
        json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"],
               "jwks_uri": "https://app.example/jwks.json"}),
    ] {
        assert!(read(&changes).is_ok(), "{changes}");
    }
}

// M15: five kilobytes of empty texts take eight times that once they are read.
#[test]
fn document_with_more_redirect_uris_than_are_kept_is_refused() {
    let of = |number: usize| read(&json!({"redirect_uris": vec![""; number]}));
    let most = limits::CLIENT_DOCUMENT_REDIRECT_URIS;
    assert_eq!(of(most).unwrap().redirect_uris.len(), most);
    for number in [most + 1, 1600] {
        assert_eq!(of(number), Err(DocumentError::TooManyRedirectUris));
    }
}

// H9: compared as simple strings.
#[test]
fn document_of_another_url_is_refused() {
    for other in [
        json!("https://app.example/client.json/"),
        json!("https://app.example:443/client.json"),
        json!("https://APP.example/client.json"),
        json!("https://app.example/client%2Ejson"),
        json!("https://evil.example/client.json"),
        json!(""),
        Value::Null,
    ] {
        let changes = json!({"client_id": other});
        assert_eq!(read(&changes), Err(DocumentError::OtherClient), "{changes}");
    }
    assert_eq!(
        read(&json!({"client_id": [URL]})),
        Err(DocumentError::NotJson)
    );
}

// H9: whoever can read the document would have the secret.
#[test]
fn document_with_a_secret_is_refused() {
    for changes in [
        json!({"client_secret": "secret"}),
        json!({"client_secret": ""}),
        json!({"client_secret_expires_at": 0}),
        json!({"jwks": {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"}]}}),
        json!({"jwks": {"keys": [{"kty": "oct", "k": "AQAB"}]}}),
    ] {
        assert_eq!(read(&changes), Err(DocumentError::HoldsSecret), "{changes}");
    }
    let null = format!(
        "{{\"client_id\":\"{URL}\",\"client_name\":\"a\",\"redirect_uris\":[\"https://a.example/\"],\
         \"client_secret\":null}}"
    );
    assert_eq!(
        ClientDocument::read(&url(), &answer(null)),
        Err(DocumentError::HoldsSecret)
    );
}

// H9: a client that can be held to its key is not let in without it.
#[test]
fn document_with_another_authentication_method_is_refused() {
    for changes in [
        json!({"token_endpoint_auth_method": "client_secret_basic"}),
        json!({"token_endpoint_auth_method": "client_secret_post"}),
        json!({"token_endpoint_auth_method": "client_secret_jwt",
               "token_endpoint_auth_methods_supported": ["none", "client_secret_jwt"]}),
        json!({"token_endpoint_auth_method": "private_key_jwt"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://app.example/jwks.json"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": []}),
        json!({"token_endpoint_auth_method": "client_secret_basic",
               "token_endpoint_auth_methods_supported": ["private_key_jwt"],
               "jwks_uri": "https://app.example/jwks.json"}),
        json!({"token_endpoint_auth_method": "private_key_jwt",
               "token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
        json!({"token_endpoint_auth_method": null,
               "token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
        json!({"token_endpoint_auth_method": "tls_client_auth"}),
        json!({"token_endpoint_auth_method": ""}),
    ] {
        assert_eq!(read(&changes), Err(DocumentError::AuthMethod), "{changes}");
    }
}

// MCP 2025-11-25: required fields.
#[test]
fn document_without_a_required_member_is_refused() {
    for (changes, error) in [
        (json!({"client_name": null}), DocumentError::NoName),
        (json!({"client_name": " "}), DocumentError::NoName),
        (
            json!({"redirect_uris": null}),
            DocumentError::NoRedirectUris,
        ),
        (json!({"redirect_uris": []}), DocumentError::NoRedirectUris),
        (
            json!({"redirect_uris": "https://app.example/cb"}),
            DocumentError::NotJson,
        ),
        (json!({"redirect_uris": [1]}), DocumentError::NotJson),
        (
            json!({"grant_types": ["client_credentials"]}),
            DocumentError::GrantType,
        ),
        (
            json!({"response_types": ["token"]}),
            DocumentError::GrantType,
        ),
    ] {
        assert_eq!(read(&changes), Err(error), "{changes}");
    }
}

// H3
#[test]
fn answer_that_is_no_document_is_refused() {
    let deep = "[".repeat(3000);
    let twice = format!(r#"{{"client_id":"{URL}","client_id":"{URL}"}}"#);
    for body in [
        "",
        "[]",
        "null",
        "<html>",
        "{",
        "{}x",
        "\u{feff}{}",
        &deep,
        &twice,
    ] {
        let read = ClientDocument::read(&url(), &answer(body.to_owned()));
        assert_eq!(read, Err(DocumentError::NotJson), "{body}");
    }
    for status in [201, 204, 206, 301, 302, 304, 307, 403, 404, 500] {
        let mut answer = document(&json!({}));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        assert_eq!(
            ClientDocument::read(&url(), &answer),
            Err(DocumentError::Status),
            "{status}"
        );
    }
    for content_type in ["text/html", "text/json", "application/jsonp", "json", ""] {
        let mut answer = document(&json!({}));
        answer
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        let read = ClientDocument::read(&url(), &answer);
        assert_eq!(read, Err(DocumentError::ContentType), "{content_type}");
    }
    for content_type in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/cimd+json",
    ] {
        let mut answer = document(&json!({}));
        answer
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        assert!(
            ClientDocument::read(&url(), &answer).is_ok(),
            "{content_type}"
        );
    }
    let long = document(&json!({"more": "x".repeat(limits::CLIENT_DOCUMENT_BYTES)}));
    assert_eq!(
        ClientDocument::read(&url(), &long),
        Err(DocumentError::TooLarge)
    );
}

#[test]
fn lifetime_is_what_the_host_says_within_bounds() {
    let (floor, ceiling) = (
        limits::CLIENT_DOCUMENT_FLOOR,
        limits::CLIENT_DOCUMENT_CEILING,
    );
    for (cache_control, age, expected) in [
        ("", "", floor),
        ("public, max-age=3600", "", Duration::from_secs(3600)),
        ("max-age=3600", "600", Duration::from_secs(3000)),
        ("max-age=3600", "4000", floor),
        ("max-age=3600, max-age=7200", "", Duration::from_secs(3600)),
        ("MAX-AGE=\"3600\"", "", Duration::from_secs(3600)),
        ("max-age=0", "", floor),
        ("max-age=-1", "", floor),
        ("max-age=99999999999999999999", "", floor),
        ("max-age=9999999999", "", ceiling),
        ("s-maxage=3600", "", floor),
        // VS Code's
        ("no-store, no-cache, max-age=0", "", floor),
        ("max-age=3600, no-cache", "", floor),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, cache_control.parse().unwrap());
        headers.insert(header::AGE, age.parse().unwrap());
        assert_eq!(lifetime(&headers), expected, "{cache_control} {age}");
    }
}

// H9: ChatGPT may go without a signature, as its list says; who names no other method may not.
#[test]
fn client_must_sign_unless_it_says_that_it_goes_without() {
    for (methods, must_sign) in [
        (
            json!({"token_endpoint_auth_method": "private_key_jwt"}),
            true,
        ),
        (
            json!({"token_endpoint_auth_method": null,
                "token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
            true,
        ),
        (
            json!({"token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"]}),
            false,
        ),
    ] {
        let mut changes = methods.clone();
        changes["jwks_uri"] = "https://app.example/jwks.json".into();
        let document = read(&changes).unwrap();
        assert_eq!(document.must_sign, must_sign, "{methods}");
        assert!(matches!(document.keys, Some(KeySource::At(_))));
    }
    let document = read(&json!({"jwks_uri": "https://app.example/jwks.json"})).unwrap();
    assert_eq!((document.keys, document.must_sign), (None, false));
}
