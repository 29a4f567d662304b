//! Which MCP endpoint a request is for: the one at `/mcp`, or one below it that has a name.
//!
//! Each is a resource of its own (RFC 8707, RFC 9728): with its own metadata, tokens, sessions and shares of the limits. What belongs to
//! one is nothing at another (threat R26).

use ring::digest::{Context, SHA256};

use crate::{id::PrincipalId, limits};

/// An MCP endpoint of this server, by its number in the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(u8);

impl Endpoint {
    /// The one at `/mcp`, and with it `/sse`.
    pub const MAIN: Self = Self(0);

    /// That of the server's own tools, where backends are at the others.
    pub const OWN_TOOLS: Self = Self(u8::MAX);

    /// That of the backend of this number among those that have names.
    pub(crate) fn of_backend(number: usize) -> Option<Self> {
        let number = u8::try_from(number).ok()?.checked_add(1)?;
        (number < u8::MAX).then_some(Self(number))
    }

    /// The number of the backend among those that have names.
    pub(crate) fn backend(self) -> Option<usize> {
        match self {
            Self::MAIN | Self::OWN_TOOLS => None,
            Self(number) => Some(usize::from(number) - 1),
        }
    }
}

/// The name of a backend, which is a part of its path: `/mcp/orders`.
///
/// ```
/// use entra_mcp_core::config::BackendName;
///
/// assert_eq!(BackendName::parse("orders").unwrap().as_str(), "orders");
/// assert!(BackendName::parse("Orders").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendName(String);

impl BackendName {
    /// What the endpoint of the server's own tools is called.
    pub const OWN_TOOLS: &str = "own-tools";

    /// Takes a name: of small letters, digits and `-`, first a letter, at most [`limits::BACKEND_NAME_BYTES`] of them. `None` if it is
    /// none, or the name of the server's own tools.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let may_stand_in_it =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = text.len() <= limits::BACKEND_NAME_BYTES
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(may_stand_in_it)
            && text != Self::OWN_TOOLS;
        is_name.then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PrincipalId {
    /// The same user with the same client at the endpoint that this is the name of: as strange to the others as somebody else, so that
    /// nothing that belongs to a principal is there at another endpoint.
    pub(crate) fn at(self, endpoint: Option<&str>) -> Self {
        let Some(name) = endpoint else {
            return self;
        };
        let mut hash = Context::new(&SHA256);
        hash.update(b"endpoint\0");
        hash.update(&self.0);
        hash.update(name.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hash.finish().as_ref());
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_a_plain_segment_and_not_that_of_the_own_tools() {
        for good in ["a", "orders", "orders-2", "o2"] {
            assert!(BackendName::parse(good).is_some(), "{good}");
        }
        let long = "a".repeat(limits::BACKEND_NAME_BYTES + 1);
        for wrong in [
            "",
            "-a",
            "2",
            "Orders",
            "a/b",
            "a.b",
            "a b",
            "a%20",
            "é",
            "own-tools",
            &long,
        ] {
            assert!(BackendName::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn backends_have_numbers_of_their_own() {
        for number in [0, 1, limits::BACKENDS - 1] {
            let endpoint = Endpoint::of_backend(number).unwrap();
            assert!(endpoint != Endpoint::MAIN && endpoint != Endpoint::OWN_TOOLS);
            assert_eq!(endpoint.backend(), Some(number));
        }
        assert_eq!(Endpoint::of_backend(254), None);
        assert_eq!(Endpoint::of_backend(255), None);
    }

    // R26
    #[test]
    fn principal_is_another_at_each_endpoint() {
        let (alice, bob) = (PrincipalId([1; 32]), PrincipalId([2; 32]));
        assert_eq!(alice.at(None), alice);
        let all = [alice, bob].map(|one| [one, one.at(Some("orders")), one.at(Some("docs"))]);
        let all = std::collections::BTreeSet::from_iter(all.into_iter().flatten());
        assert_eq!(all.len(), 6);
    }
}
