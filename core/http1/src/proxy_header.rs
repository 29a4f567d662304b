//! The header of the PROXY protocol, versions 1 and 2: what a proxy that passes bytes on says of a connection before
//! them ("The PROXY protocol", HAProxy Technologies, sections 2.1 and 2.2).
//!
//! A connection has one if and only if its peer is configured to send it (section 2): nothing is guessed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::PROXY_HEADER_BYTES;

/// It is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a version 2 begins with; no HTTP does.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, its end included.
const LINE_BYTES: usize = 107;

/// Reads the header that these bytes begin with: its length, and the address of the client; `None` for that if the
/// connection is the proxy's own or the address is of no kind that is known here. `Ok(None)` while there is not enough.
///
/// # Errors
///
/// They do not begin with a header, or with one that is longer than [`PROXY_HEADER_BYTES`].
///
/// ```
/// use entra_mcp_http1::proxy_header::parse;
/// let bytes = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n";
/// assert_eq!(parse(bytes), Ok(Some((43, Some([203, 0, 113, 7].into())))));
/// ```
pub fn parse(bytes: &[u8]) -> Result<Option<(usize, Option<IpAddr>)>, Malformed> {
    let is_begun = |whole: &[u8]| {
        let length = whole.len().min(bytes.len());
        bytes.get(..length) == whole.get(..length)
    };
    if is_begun(SIGNATURE) {
        version_2(bytes)
    } else if is_begun(b"PROXY ") {
        version_1(bytes)
    } else {
        Err(Malformed)
    }
}

/// Section 2.2: signature, version and command, family and transport, length, addresses, and TLVs, which are passed over.
fn version_2(bytes: &[u8]) -> Result<Option<(usize, Option<IpAddr>)>, Malformed> {
    let Some([version_command, family_transport, high, low]) =
        bytes.get(SIGNATURE.len()..).and_then(<[u8]>::first_chunk)
    else {
        return Ok(None);
    };
    let start = SIGNATURE.len() + 4;
    let end = start + usize::from(u16::from_be_bytes([*high, *low]));
    if version_command >> 4 != 2 || end > PROXY_HEADER_BYTES {
        return Err(Malformed);
    }
    let Some(rest) = bytes.get(start..end) else {
        return Ok(None);
    };
    let source = match (version_command & 0xf, family_transport) {
        // LOCAL: the proxy asks for itself, as a health check does. Whatever follows is passed over.
        (0, _) => None,
        // PROXY, over a stream of IPv4 or IPv6.
        (1, 0x11) => Some(IpAddr::from(*addresses::<12, 4>(rest)?)),
        (1, 0x21) => Some(IpAddr::from(*addresses::<36, 16>(rest)?)),
        // Of a kind that it does not say, or a Unix socket.
        (1, 0x00 | 0x31) => None,
        _ => return Err(Malformed),
    };
    Ok(Some((end, source)))
}

/// The source, which is the first of the addresses and ports that have so many bytes.
fn addresses<const ALL: usize, const ONE: usize>(rest: &[u8]) -> Result<&[u8; ONE], Malformed> {
    let all: &[u8; ALL] = rest.first_chunk().ok_or(Malformed)?;
    all.first_chunk().ok_or(Malformed)
}

/// Section 2.1: one line.
fn version_1(bytes: &[u8]) -> Result<Option<(usize, Option<IpAddr>)>, Malformed> {
    let line = bytes.get(..LINE_BYTES.min(bytes.len())).unwrap_or_default();
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        // What is not ASCII needs no end to be wrong.
        let may_go_on = bytes.len() < LINE_BYTES && line.is_ascii();
        return if may_go_on { Ok(None) } else { Err(Malformed) };
    };
    let text = line
        .get(..end)
        .and_then(|line| std::str::from_utf8(line).ok());
    let mut words = text.ok_or(Malformed)?.split(' ').skip(1);
    let family = words.next();
    let length = end + 2;
    if family == Some("UNKNOWN") {
        return Ok(Some((length, None)));
    }
    let (source, destination) = match family {
        Some("TCP4") => (
            address::<Ipv4Addr>(words.next())?,
            address::<Ipv4Addr>(words.next())?,
        ),
        Some("TCP6") => (
            address::<Ipv6Addr>(words.next())?,
            address::<Ipv6Addr>(words.next())?,
        ),
        _ => return Err(Malformed),
    };
    let ports = [words.next(), words.next()];
    let is_port = |port: Option<&str>| {
        port.is_some_and(|port| !port.starts_with('+') && port.parse::<u16>().is_ok())
    };
    let is_whole = ports.into_iter().all(is_port) && words.next().is_none();
    let is_of_one_kind = source.is_ipv4() == destination.is_ipv4();
    if !is_whole || !is_of_one_kind {
        return Err(Malformed);
    }
    Ok(Some((length, Some(source))))
}

fn address<A: std::str::FromStr + Into<IpAddr>>(word: Option<&str>) -> Result<IpAddr, Malformed> {
    let address = word.and_then(|word| word.parse::<A>().ok());
    address.map(Into::into).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2 with these bytes behind its length.
    fn version_2(version_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[version_command, family], &length, rest].concat()
    }

    fn ipv4() -> Vec<u8> {
        vec![203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 0x01, 0xbb]
    }

    fn ipv6() -> Vec<u8> {
        let source: Ipv6Addr = "2001:db8::7".parse().unwrap();
        [&source.octets()[..], &[0; 16], &[0x12, 0x67, 0x01, 0xbb]].concat()
    }

    fn source(header: &[u8]) -> Option<String> {
        let (length, source) = parse(header).unwrap().unwrap();
        assert_eq!(length, header.len());
        // Each shorter part is not enough, and what follows changes nothing.
        for length in 0..header.len() {
            assert_eq!(parse(&header[..length]), Ok(None), "{length}");
        }
        let followed = [header, b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(parse(&followed), Ok(Some((header.len(), source))));
        source.map(|address| address.to_string())
    }

    #[test]
    fn client_is_the_source_address_of_either_version() {
        let tlvs = [&ipv4()[..], &[0x03, 0, 4, 1, 2, 3, 4]].concat();
        for (header, expected) in [
            (version_2(0x21, 0x11, &ipv4()), Some("203.0.113.7")),
            (version_2(0x21, 0x11, &tlvs), Some("203.0.113.7")),
            (version_2(0x21, 0x21, &ipv6()), Some("2001:db8::7")),
            (version_2(0x20, 0x00, &[]), None),
            (version_2(0x20, 0x11, &ipv4()), None),
            (version_2(0x21, 0x00, &[]), None),
            (version_2(0x21, 0x31, &[0; 216]), None),
            (
                b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n".to_vec(),
                Some("203.0.113.7"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n".to_vec(),
                Some("2001:db8::7"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ff:: ff:: 65535 65535\r\n".to_vec(), None),
        ] {
            assert_eq!(source(&header).as_deref(), expected, "{header:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_header_are_refused() {
        for bytes in [
            b"GET / HTTP/1.1\r\n".to_vec(),
            b"\r\nGET / HTTP/1.1".to_vec(),
            b"PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443 x\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::7 ::1 4711 443\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7  192.0.2.1 4711 443\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 65536\r\n".to_vec(),
            b"PROXY UDP4 203.0.113.7 192.0.2.1 4711 443\r\n".to_vec(),
            b"proxy TCP4 203.0.113.7 192.0.2.1 4711 443\r\n".to_vec(),
            [&b"PROXY TCP4 "[..], &[b'1'; LINE_BYTES]].concat(),
            b"PROXY \xff".to_vec(),
            // Another version, another command, datagrams, and too short for its addresses.
            version_2(0x11, 0x11, &ipv4()),
            version_2(0x22, 0x11, &ipv4()),
            version_2(0x21, 0x12, &ipv4()),
            version_2(0x21, 0x11, &ipv4()[..11]),
            version_2(0x21, 0x21, &ipv4()),
            version_2(0x21, 0x11, &[0; PROXY_HEADER_BYTES]),
        ] {
            assert_eq!(parse(&bytes), Err(Malformed), "{bytes:?}");
        }
    }
}
