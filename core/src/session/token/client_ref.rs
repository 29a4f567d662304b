//! The short name of a client.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::session::record::Hash;

const PREFIX: &str = "h.";
const BYTES: usize = 16;

/// The first half of the SHA-256 of a `client_id`. A `client_id` holds a registration or an address, up to 4 KiB of
/// it; half of its hash tells clients apart as well, for nobody finds two ids of one half on purpose (RFC 9068
/// section 2.2 wants *an* identifier of the client).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientRef([u8; BYTES]);

impl ClientRef {
    /// The name of the client whose id has this hash.
    pub(crate) fn of(client: &Hash) -> Self {
        Self(client.0.first_chunk().copied().unwrap_or_default())
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        super::decoded(text.strip_prefix(PREFIX)?).map(Self)
    }
}

impl std::fmt::Display for ClientRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_client_is_read_back_and_is_no_other_clients() {
        let [one, other] = [b"one", b"two"].map(|id| ClientRef::of(&Hash::of(id)));
        assert_eq!(ClientRef::parse(&one.to_string()), Some(one));
        assert_ne!(one, other);
        let long = format!("{one}AAAA");
        for none in ["", "h.", "h.AAAA", "AAAAAAAAAAAAAAAAAAAAAA", &long] {
            assert_eq!(ClientRef::parse(none), None, "{none}");
        }
    }
}
