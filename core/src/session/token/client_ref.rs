//! The short name of a client.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::session::record::Hash;

const PREFIX: &str = "h.";
const BYTES: usize = 12;
const CHARS: usize = BYTES / 3 * 4;

/// The first twelve bytes of the SHA-256 of a `client_id`, in base64url. A `client_id` holds a registration or an
/// address, up to 4 KiB of it; this tells clients apart as well, for nobody finds an id that has the beginning of
/// another's hash (RFC 9068 section 2.2 wants *an* identifier of the client). A token opens its own session only,
/// whatever client it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientRef([u8; CHARS]);

impl ClientRef {
    /// The name of the client whose id has this hash.
    pub(crate) fn of(client: &Hash) -> Self {
        let bytes: [u8; BYTES] = client.0.first_chunk().copied().unwrap_or_default();
        let mut chars = [b'A'; CHARS];
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut chars);
        debug_assert_eq!(written, Ok(CHARS));
        Self(chars)
    }

    /// Reads what `Display` wrote, or wrote before: the name had six characters more then.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let chars = text.strip_prefix(PREFIX)?.as_bytes();
        chars.first_chunk().copied().map(Self)
    }
}

impl std::fmt::Display for ClientRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(PREFIX)?;
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
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
        for none in ["", "h.", "h.AAAA", "AAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(ClientRef::parse(none), None, "{none}");
        }
    }

    // Tokens last over a restart.
    #[test]
    fn longer_name_of_before_is_read_as_the_same() {
        let hash = Hash::of(b"one");
        let half = URL_SAFE_NO_PAD.encode(&hash.0[..16]);
        let before = ClientRef::parse(&format!("h.{half}"));
        assert_eq!(before, Some(ClientRef::of(&hash)));
        assert_ne!(before, Some(ClientRef::of(&Hash::of(b"two"))));
    }
}
