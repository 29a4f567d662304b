//! The client that a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use entra_mcp_wire::address::AddressRange;
use http::{HeaderName, header};

use crate::Fields;

/// Where most proxies name the client: the addresses through which the request came, the last one added last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the client that trusted proxies name: the last address that is not one of theirs. Whatever
/// stands before it the client may have written itself. `None` if there is none.
///
/// `Forwarded` (RFC 7239) counts where there is no `X-Forwarded-For`, for a proxy that writes the one passes on what a
/// client has written into the other.
///
/// ```
/// use entra_mcp_http1::forwarded_client::forwarded_client;
/// use entra_mcp_wire::address::AddressRange;
///
/// let proxies = [AddressRange::parse("10.0.0.0/8").expect("a range")];
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-forwarded-for", "198.51.100.1, 203.0.113.7, 10.0.0.1".parse()?);
/// assert_eq!(forwarded_client(&headers.into(), &proxies), Some([203, 0, 113, 7].into()));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[must_use]
pub fn forwarded_client(headers: &Fields, proxies: &[AddressRange]) -> Option<IpAddr> {
    if headers.contains(&FORWARDED_FOR) {
        last_client(headers, &FORWARDED_FOR, proxies, address)
    } else {
        last_client(headers, &header::FORWARDED, proxies, forwarded_for)
    }
}

fn last_client(
    headers: &Fields,
    name: &HeaderName,
    proxies: &[AddressRange],
    read: impl Fn(&str) -> Option<IpAddr>,
) -> Option<IpAddr> {
    for value in headers.get_all(name).rev() {
        // Piece by piece: bytes that are no text may stand before what the proxy added.
        for piece in value.as_bytes().rsplit(|byte| *byte == b',') {
            let address = read(std::str::from_utf8(piece).ok()?.trim())?;
            if !proxies.iter().any(|range| range.contains(address)) {
                return Some(address);
            }
        }
    }
    None
}

/// The `for` of one element of `Forwarded` (RFC 7239 section 4): with a port or of IPv6 it is quoted.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim();
    let quoted = node
        .strip_prefix('"')
        .and_then(|node| node.strip_suffix('"'));
    address(quoted.unwrap_or(node))
}

/// An address as proxies write it: some add a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse();
    address
        .or_else(|_| text.parse().map(|address: SocketAddr| address.ip()))
        .ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(values: &[&str]) -> Option<String> {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|text| AddressRange::parse(text).unwrap());
        let mut headers = Fields::default();
        for value in values {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        forwarded_client(&headers, &proxies).map(|address| address.to_string())
    }

    #[test]
    fn client_is_the_last_address_that_is_no_proxy() {
        for (values, expected) in [
            (&["203.0.113.7"][..], Some("203.0.113.7")),
            (
                &["198.51.100.1, 203.0.113.7, 10.0.0.1"],
                Some("203.0.113.7"),
            ),
            (
                &["198.51.100.1", "203.0.113.7,10.0.0.1"],
                Some("203.0.113.7"),
            ),
            (&["203.0.113.7:4711"], Some("203.0.113.7")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["2001:db8::1, fd00::1"], Some("2001:db8::1")),
        ] {
            assert_eq!(client(values).as_deref(), expected, "{values:?}");
        }
    }

    // M10: whatever bytes a client has written, it is counted for itself and not for the proxy.
    #[test]
    fn bytes_that_are_no_text_hide_no_client() {
        let proxies = [AddressRange::parse("10.0.0.0/8").unwrap()];
        for (name, value) in [
            (FORWARDED_FOR, &b"\x90\xd4, 203.0.113.7, 10.0.0.1"[..]),
            (header::FORWARDED, b"for=\xff\xfe, for=203.0.113.7"),
        ] {
            let value = HeaderValue::from_bytes(value).unwrap();
            let headers = Fields::from_iter([(name.clone(), value)]);
            let client = forwarded_client(&headers, &proxies);
            assert_eq!(client, Some([203, 0, 113, 7].into()), "{name}");
        }
    }

    // RFC 7239 section 4
    #[test]
    fn client_is_found_in_forwarded_where_there_is_no_other() {
        let proxies = [AddressRange::parse("10.0.0.0/8").unwrap()];
        let client = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            });
            let headers = Fields::from_iter(headers);
            forwarded_client(&headers, &proxies).map(|address| address.to_string())
        };
        for (value, expected) in [
            ("for=203.0.113.7", Some("203.0.113.7")),
            (
                "for=198.51.100.1, For=\"203.0.113.7:4711\";proto=https;by=10.0.0.1",
                Some("203.0.113.7"),
            ),
            (
                "for=203.0.113.7, proto=http; for=10.0.0.9",
                Some("203.0.113.7"),
            ),
            ("for=\"[2001:db8::1]:4711\"", Some("2001:db8::1")),
            (
                "for=\"x, for=198.51.100.1, for=203.0.113.7",
                Some("203.0.113.7"),
            ),
            ("for=203.0.113.7, for=unknown", None),
            ("for=203.0.113.7, for=_hidden", None),
            ("for=203.0.113.7, proto=https", None),
            ("for=10.0.0.1", None),
            ("", None),
        ] {
            assert_eq!(
                client(&[("forwarded", value)]).as_deref(),
                expected,
                "{value}"
            );
        }
        let both = [
            ("forwarded", "for=198.51.100.1"),
            ("x-forwarded-for", "203.0.113.7"),
        ];
        assert_eq!(client(&both).as_deref(), Some("203.0.113.7"));
    }

    #[test]
    fn header_that_names_no_client_is_none() {
        for values in [
            &[][..],
            &["10.0.0.1"],
            &["unknown"],
            &["203.0.113.7, x"],
            &[""],
        ] {
            assert_eq!(client(values), None, "{values:?}");
        }
    }
}
