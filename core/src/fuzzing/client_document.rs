//! The properties of what reads the documents of clients: their address and their bytes both come from strangers.

use ::http::{Response, Uri, header};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::{
    client_document::{self, ClientDocument},
    client_id_url::ClientIdUrl,
    limits,
    oauth::client::Client,
};

/// What is taken for the address of a document is one, and every parser reads the same host in it; what is read as a
/// document names that address and holds no secret; what comes of it can be shown and returned to; and it is kept
/// neither too short nor too long (threats H3, H4, H7, H9).
pub fn client_document(address: &str, cache_control: &str, body: &[u8]) {
    let Some(url) = ClientIdUrl::parse(address) else {
        return;
    };
    address_is_unambiguous(address, &url);
    let mut response = Response::new(Bytes::copy_from_slice(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    if let Ok(value) = cache_control.parse() {
        headers.insert(header::CACHE_CONTROL, value);
    }
    let lifetime = client_document::lifetime(response.headers());
    let bounds = limits::CLIENT_DOCUMENT_FLOOR..=limits::CLIENT_DOCUMENT_CEILING;
    assert!(bounds.contains(&lifetime), "{lifetime:?}");
    let Ok(document) = ClientDocument::read(&url, &response) else {
        return;
    };
    assert!(body.len() <= limits::CLIENT_DOCUMENT_BYTES);
    let json: Value = serde_json::from_slice(body).expect("what is read is JSON");
    let names = json.get("client_id").and_then(Value::as_str);
    assert_eq!(names, Some(address), "a document of another client");
    assert!(
        json.get("client_secret").is_none(),
        "a document with a secret"
    );
    let client = Client::of_document(&url, &document, None);
    let metadata = client.metadata();
    let name = metadata.client_name.as_deref().unwrap_or_default();
    assert!(name.chars().count() <= limits::CLIENT_NAME_CHARS);
    assert!(!name.chars().any(char::is_control));
    for uri in &metadata.redirect_uris {
        assert!(
            document
                .redirect_uris
                .iter()
                .any(|written| written == uri.as_str())
        );
        super::redirect_uri(uri.as_str(), uri.as_str());
    }
}

fn address_is_unambiguous(address: &str, url: &ClientIdUrl) {
    assert_eq!(url.as_str(), address);
    let parsed = Url::parse(address).expect("it is a URL");
    assert_eq!(parsed.scheme(), "https");
    assert!(
        parsed.username().is_empty() && parsed.password().is_none() && parsed.fragment().is_none()
    );
    let asked: Uri = address.parse().expect("it can be asked for");
    assert_eq!(
        asked.host(),
        parsed.host_str(),
        "two parsers read two hosts"
    );
    assert_eq!(asked.path(), parsed.path(), "two parsers read two paths");
    assert_eq!(
        asked.port_u16().unwrap_or(443),
        parsed.port().unwrap_or(443)
    );
    let authority = asked.authority().map(ToString::to_string);
    assert_eq!(
        authority.as_deref(),
        Some(url.host()),
        "another host is shown"
    );
    // Dots in a query are no segments of the path (RFC 3986, 3.4).
    let path = address.split('?').next().unwrap_or_default();
    let segments = path
        .split('/')
        .map(|segment| segment.to_ascii_lowercase().replace("%2e", "."));
    assert!(
        segments
            .into_iter()
            .all(|segment| segment != "." && segment != ".."),
        "a dot segment"
    );
}
