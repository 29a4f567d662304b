//! Which addresses are this machine, ranges of addresses, and whom an address stands for.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// Whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1.
#[must_use]
pub fn is_loopback<S: AsRef<str>>(host: &url::Host<S>) -> bool {
    match host {
        url::Host::Domain(name) => name.as_ref() == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Addresses with a common prefix, written as `10.0.0.0/8`; an address alone is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// Reads a range; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().ok()?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok()?
            }
            Some(_) => return None,
            None => longest,
        };
        (prefix <= longest).then_some(Self { network, prefix })
    }

    /// Whether an address is in it. An IPv4 address may come as the IPv6 address that stands for it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let differs = match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing
                    .checked_shr(32 - u32::from(self.prefix))
                    .is_some_and(|bits| bits != 0)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing
                    .checked_shr(128 - u32::from(self.prefix))
                    .is_some_and(|bits| bits != 0)
            }
            _ => true,
        };
        !differs
    }
}

/// The address of a client; of IPv6 the /64 that it is in, for that is what one customer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            v4 => v4,
        })
    }
}

impl std::str::FromStr for ClientAddress {
    type Err = std::net::AddrParseError;

    /// Reads what `Display` wrote, or an address.
    fn from_str(text: &str) -> Result<Self, std::net::AddrParseError> {
        let address = text.strip_suffix("/64").unwrap_or(text);
        address.parse::<IpAddr>().map(Self::from)
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let client = |text: &str| ClientAddress::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8:0:0:ffff::2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_eq!(client("2001:db8::1").to_string(), "2001:db8::/64");
        for text in ["2001:db8::1", "192.0.2.1"] {
            assert_eq!(client(text).to_string().parse(), Ok(client(text)));
        }
    }

    #[test]
    fn range_contains_the_addresses_with_its_prefix() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7", "::ffff:192.0.2.7", "::ffff:192.0.2.8"),
            ("0.0.0.0/0", "203.0.113.1", "::1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::/0", "2001:db8::1", "203.0.113.1"),
        ] {
            let addresses = AddressRange::parse(range).unwrap();
            assert!(addresses.contains(inside.parse().unwrap()), "{range}");
            assert!(!addresses.contains(outside.parse().unwrap()), "{range}");
        }
    }

    #[test]
    fn text_that_is_no_range_is_none() {
        for text in [
            "",
            "proxy",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.1:80",
        ] {
            assert_eq!(AddressRange::parse(text), None, "{text}");
        }
    }
}
