//! The client that trusted proxies name: what it wrote itself does not count.

use std::net::IpAddr;

use entra_mcp_core::config::AddressRange;
use entra_mcp_http1::{Fields, forwarded_client::forwarded_client};
use http::{HeaderName, HeaderValue, header};

/// The first line is what the client wrote, the others are what proxies added (threat M10).
pub(super) fn run(bytes: &[u8]) {
    let proxies = ["10.0.0.0/8", "fd00::/8"].map(AddressRange::parse);
    let proxies: Vec<_> = proxies.into_iter().flatten().collect();
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let own = lines.next().unwrap_or_default();
    let added: Vec<&[u8]> = lines.collect();
    for name in [
        HeaderName::from_static("x-forwarded-for"),
        header::FORWARDED,
    ] {
        let named = |values: &[&[u8]]| -> Option<IpAddr> {
            let mut headers = Fields::default();
            for value in values {
                headers.append(name.clone(), HeaderValue::from_bytes(value).ok()?);
            }
            forwarded_client(&headers, &proxies)
        };
        let Some(client) = named(&added) else {
            continue;
        };
        assert!(
            !proxies.iter().any(|range| range.contains(client)),
            "a proxy is no client"
        );
        if HeaderValue::from_bytes(own).is_err() {
            continue;
        }
        let before: Vec<&[u8]> = std::iter::once(own).chain(added.iter().copied()).collect();
        assert_eq!(named(&before), Some(client), "in a header before");
        let mut joined = added.clone();
        if let Some(first) = joined.first_mut() {
            let text = [own, b",", first].concat();
            *first = &text;
            assert_eq!(named(&joined), Some(client), "in the same header");
        }
    }
}
