//! Which addresses are on the public internet: those that a stranger may have this server dial.

use std::net::IpAddr;

/// Whether an address is one on the public internet: not loopback, private, link-local, shared
/// (RFC 6598), multicast, documentation, unspecified or reserved, nor an IPv6 form of such an
/// IPv4 address (mapped, compatible, NAT64, 6to4). Nor 168.63.129.16, which on every virtual network of Azure is the
/// platform that hosts this machine (Microsoft, "What is IP address 168.63.129.16?").
///
/// ```
/// use entra_mcp_core::ask::is_public;
/// assert!(is_public("93.184.216.34".parse().unwrap()));
/// assert!(!is_public("169.254.169.254".parse().unwrap()));
/// assert!(!is_public("::ffff:127.0.0.1".parse().unwrap()));
/// ```
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let is_azure_platform = v4.octets() == [168, 63, 129, 16];
            let reserved = matches!(
                (a, b, c),
                (0 | 10 | 127 | 224..=255, _, _)
                    | (100, 64..=127, _)
                    | (169, 254, _)
                    | (172, 16..=31, _)
                    | (192, 0, 0 | 2)
                    | (192, 88, 99)
                    | (192, 168, _)
                    | (198, 18 | 19, _)
                    | (198, 51, 100)
                    | (203, 0, 113)
            );
            !reserved && !is_azure_platform
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.segments();
            let [high, low] = [g.to_be_bytes(), h.to_be_bytes()];
            let embedded = IpAddr::from([high[0], high[1], low[0], low[1]]);
            match (a, b, c, d, e, f) {
                (0, 0, 0, 0, 0, 0 | 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => {
                    // ::1 and :: read as 0.0.0.1 and 0.0.0.0, which are reserved too.
                    is_public(embedded)
                }
                (0x64, 0xff9b, 1, _, _, _) => false,
                (0x2002, _, _, _, _, _) => {
                    let [first, second] = [b.to_be_bytes(), c.to_be_bytes()];
                    is_public(IpAddr::from([first[0], first[1], second[0], second[1]]))
                }
                // 2001::/23 (Teredo and other protocols), 2001:db8::/32 and 3fff::/20.
                (0x2001, 0..=0x1ff | 0xdb8, _, _, _, _) => false,
                (0x3fff, 0..=0xfff, _, _, _, _) => false,
                // Only 2000::/3 is given out for global use.
                _ => (0x2000..=0x3fff).contains(&a),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_address_is_not_public() {
        let public = [
            "93.184.216.34",
            "8.8.8.8",
            "168.63.129.17",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
        ];
        let others = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "168.63.129.16",
            "::ffff:168.63.129.16",
            "64:ff9b::a83f:8110",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "100::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in others {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }
}
