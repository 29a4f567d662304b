//! Codes and refresh tokens: opaque to clients, read only here.
//!
//! Each carries the session's name and random bytes, and a MAC, so that what was made up is refused
//! without a look-up and one kind is never taken for the other (threats C4, E8, E10). The random bytes
//! give the share that opens the session; the store keeps only their hashes (threat G3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    entropy::Entropy,
    id::SessionId,
    keys::{Keyring, Purpose},
    secret::{Secret, constant_time_equal},
    session::{Share, record::Hash},
};

const ID_BYTES: usize = 16;
/// 160 random bits (RFC 6749 section 10.10).
const RANDOM_BYTES: usize = 20;
const MAC_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + RANDOM_BYTES + MAC_BYTES;

/// A code or a refresh token that we made.
#[derive(Debug)]
pub(crate) struct OpaqueToken {
    /// As the client holds it.
    pub(crate) text: Secret<String>,
    /// The session that it belongs to.
    pub(crate) session_id: SessionId,
    /// By which the store knows it.
    pub(crate) hash: Hash,
    random: Secret<[u8; RANDOM_BYTES]>,
}

impl OpaqueToken {
    /// What opens the session's record.
    pub(crate) fn share(&self) -> Share {
        Share::of(self.random.expose())
    }

    /// Seals the refresh token that follows this one, so that a client that shows this one once more gets the
    /// same, and nobody else gets it: not the store, and not with a session token either.
    pub(crate) fn seal_successor(
        &self,
        successor: &Self,
        entropy: &mut Entropy,
        keys: &Keyring,
    ) -> Vec<u8> {
        let text = successor.text.expose().as_bytes();
        let (id, share) = (self.session_id.bytes(), self.random.expose());
        keys.seal(Purpose::RefreshToken, id, share, text, entropy)
    }

    /// Opens what [`Self::seal_successor`] sealed.
    pub(crate) fn open_successor(&self, sealed: &[u8], keys: &Keyring) -> Option<Self> {
        let (id, share) = (self.session_id.bytes(), self.random.expose());
        let text = keys.open(Purpose::RefreshToken, id, share, sealed)?;
        read_refresh_token(std::str::from_utf8(&text).ok()?, keys)
    }
}

/// Makes an authorization code.
pub(crate) fn new_code(
    session_id: SessionId,
    entropy: &mut Entropy,
    keys: &Keyring,
) -> OpaqueToken {
    draw(Purpose::AuthorizationCode, session_id, entropy, keys)
}

/// Makes a refresh token.
pub(crate) fn new_refresh_token(
    session_id: SessionId,
    entropy: &mut Entropy,
    keys: &Keyring,
) -> OpaqueToken {
    draw(Purpose::RefreshToken, session_id, entropy, keys)
}

/// Reads an authorization code.
pub(crate) fn read_code(text: &str, keys: &Keyring) -> Option<OpaqueToken> {
    read(Purpose::AuthorizationCode, text, keys)
}

/// Reads a refresh token.
pub(crate) fn read_refresh_token(text: &str, keys: &Keyring) -> Option<OpaqueToken> {
    read(Purpose::RefreshToken, text, keys)
}

fn draw(
    purpose: Purpose,
    session_id: SessionId,
    entropy: &mut Entropy,
    keys: &Keyring,
) -> OpaqueToken {
    let random = Secret::new(entropy.bytes::<RANDOM_BYTES>());
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
    bytes.extend_from_slice(session_id.bytes());
    bytes.extend_from_slice(random.expose());
    let mac = keys.mac(purpose, &bytes);
    bytes.extend(mac.iter().take(MAC_BYTES));
    let text = URL_SAFE_NO_PAD.encode(&*bytes);
    OpaqueToken {
        session_id,
        hash: Hash::of(text.as_bytes()),
        random,
        text: Secret::new(text),
    }
}

fn read(purpose: Purpose, text: &str, keys: &Keyring) -> Option<OpaqueToken> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    if bytes.len() != BYTES {
        return None;
    }
    let (body, mac) = bytes.split_at_checked(BYTES - MAC_BYTES)?;
    let ours = keys
        .macs(purpose, body)
        .any(|own| constant_time_equal(own.split_at(MAC_BYTES).0, mac));
    let (session_id, random) = body.split_first_chunk::<ID_BYTES>()?;
    let random = Secret::new(random.try_into().ok()?);
    ours.then(|| OpaqueToken {
        text: Secret::new(text.to_owned()),
        session_id: SessionId::new(*session_id),
        hash: Hash::of(text.as_bytes()),
        random,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::MasterKey, testing::entropy};

    fn ring(byte: u8) -> Keyring {
        Keyring::new(MasterKey::new([byte; 32]), Vec::new())
    }

    fn code() -> (String, Keyring) {
        let code = new_code(SessionId::new([1; 16]), &mut entropy(1), &ring(1));
        (code.text.expose().clone(), ring(1))
    }

    // C4: codes cannot be made up or changed.
    #[test]
    fn code_changed_anywhere_is_rejected() {
        let (code, keys) = code();
        assert!(read_code(&code, &keys).is_some());
        for place in 0..code.len() {
            let mut changed = code.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(read_code(&changed, &keys).is_none(), "{place}");
        }
        assert!(read_code(&code, &ring(2)).is_none(), "another server's");
        for junk in ["", "null", "A", &format!("{code}A"), &format!("{code}=")] {
            assert!(read_code(junk, &keys).is_none());
        }
    }

    // E8: one kind is never taken for the other.
    #[test]
    fn code_and_refresh_token_are_not_interchangeable() {
        let (code, keys) = code();
        assert!(read_refresh_token(&code, &keys).is_none());
        let handle = read_code(&code, &keys).unwrap();
        let token = new_refresh_token(handle.session_id, &mut entropy(2), &keys);
        assert!(read_code(token.text.expose(), &keys).is_none());
        assert!(read_refresh_token(token.text.expose(), &keys).is_some());
    }

    // E6, G3: the same successor for who shows the predecessor, and nothing for anybody else.
    #[test]
    fn successor_opens_with_its_predecessor_only() {
        let (id, keys) = (SessionId::new([1; 16]), ring(1));
        let tokens: Vec<OpaqueToken> = (1..4)
            .map(|seed| new_refresh_token(id, &mut entropy(seed), &keys))
            .collect();
        let sealed = tokens[0].seal_successor(&tokens[1], &mut entropy(9), &keys);
        let opened = tokens[0].open_successor(&sealed, &keys).unwrap();
        assert_eq!(opened.text.expose(), tokens[1].text.expose());
        assert_eq!(opened.share(), tokens[1].share());
        assert_ne!(opened.share(), tokens[0].share());
        assert!(tokens[2].open_successor(&sealed, &keys).is_none());
        assert!(tokens[0].open_successor(&sealed, &ring(2)).is_none());
        // What a session token carries is not what the refresh token carries.
        let share = tokens[0].share();
        let by_share = keys.open(Purpose::RefreshToken, id.bytes(), share.expose(), &sealed);
        assert!(by_share.is_none());
    }
}
