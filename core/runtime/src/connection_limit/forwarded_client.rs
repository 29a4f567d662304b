//! The client that a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use entra_mcp_core::config::AddressRange;
use http::HeaderMap;

/// Where a proxy names the client: the addresses through which the request came, the last one added last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Returns the client that trusted proxies name: the last address that is not one of theirs. Whatever
/// stands before it the client may have written itself. `None` if there is none.
pub(super) fn forwarded_client(headers: &HeaderMap, proxies: &[AddressRange]) -> Option<IpAddr> {
    let values = headers.get_all(FORWARDED_FOR).iter().rev();
    for value in values {
        for text in value.to_str().ok()?.rsplit(',') {
            let address = address(text.trim())?;
            if !proxies.iter().any(|range| range.contains(address)) {
                return Some(address);
            }
        }
    }
    None
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
        let mut headers = HeaderMap::new();
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
