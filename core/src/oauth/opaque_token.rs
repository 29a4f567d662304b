//! Codes and refresh tokens: opaque to clients, read only here.
//!
//! Each carries the session's name, the session secret and random bytes, and a MAC, so that what
//! was made up is refused without a look-up and one kind is never taken for the other (threats
//! C4, E8, E10). The store keeps only their hashes (threat G3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    entropy::Entropy,
    id::SessionId,
    keys::{Keyring, Purpose},
    secret::{Secret, constant_time_equal},
    session::{SessionSecret, record::Hash},
};

const ID_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
/// 160 random bits (RFC 6749 section 10.10).
const RANDOM_BYTES: usize = 20;
const MAC_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + SECRET_BYTES + RANDOM_BYTES + MAC_BYTES;

/// What a code or a refresh token that we made says.
#[derive(Debug)]
pub(crate) struct OpaqueToken {
    /// The session that it belongs to.
    pub(crate) session_id: SessionId,
    /// What opens the session's Entra tokens.
    pub(crate) secret: SessionSecret,
    /// By which the store knows it.
    pub(crate) hash: Hash,
}

/// Makes an authorization code.
pub(crate) fn new_code(
    session_id: SessionId,
    secret: &SessionSecret,
    entropy: &mut Entropy,
    keys: &Keyring,
) -> Secret<String> {
    write(
        Purpose::AuthorizationCode,
        session_id,
        secret,
        &entropy.bytes(),
        keys,
    )
}

/// Makes the first refresh token of a session.
pub(crate) fn new_refresh_token(
    session_id: SessionId,
    secret: &SessionSecret,
    entropy: &mut Entropy,
    keys: &Keyring,
) -> Secret<String> {
    write(
        Purpose::RefreshToken,
        session_id,
        secret,
        &entropy.bytes(),
        keys,
    )
}

/// The refresh token that follows one. It is derived, not drawn: whoever repeats a refresh whose
/// answer was lost gets the same successor, though nobody has stored it.
pub(crate) fn next_refresh_token(
    presented: &str,
    session_id: SessionId,
    secret: &SessionSecret,
    keys: &Keyring,
) -> Secret<String> {
    let message = Zeroizing::new(format!("successor of {presented}"));
    let derived = keys.mac(Purpose::RefreshToken, message.as_bytes());
    let mut random = [0; RANDOM_BYTES];
    for (to, from) in random.iter_mut().zip(derived) {
        *to = from;
    }
    write(Purpose::RefreshToken, session_id, secret, &random, keys)
}

/// The hash under which the store knows a code or a refresh token.
pub(crate) fn hash(text: &Secret<String>) -> Hash {
    Hash::of(text.expose().as_bytes())
}

/// Reads an authorization code.
pub(crate) fn read_code(text: &str, keys: &Keyring) -> Option<OpaqueToken> {
    read(Purpose::AuthorizationCode, text, keys)
}

/// Reads a refresh token.
pub(crate) fn read_refresh_token(text: &str, keys: &Keyring) -> Option<OpaqueToken> {
    read(Purpose::RefreshToken, text, keys)
}

fn write(
    purpose: Purpose,
    session_id: SessionId,
    secret: &SessionSecret,
    random: &[u8; RANDOM_BYTES],
    keys: &Keyring,
) -> Secret<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
    bytes.extend_from_slice(session_id.bytes());
    bytes.extend_from_slice(secret.expose());
    bytes.extend_from_slice(random);
    let mac = keys.mac(purpose, &bytes);
    bytes.extend(mac.iter().take(MAC_BYTES));
    Secret::new(URL_SAFE_NO_PAD.encode(&*bytes))
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
    let (session_id, rest) = body.split_first_chunk::<ID_BYTES>()?;
    let (secret, _) = rest.split_first_chunk::<SECRET_BYTES>()?;
    ours.then(|| OpaqueToken {
        session_id: SessionId::new(*session_id),
        secret: SessionSecret::new(*secret),
        hash: Hash::of(text.as_bytes()),
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
        let mut entropy = entropy(1);
        let secret = SessionSecret::draw(&mut entropy);
        let code = new_code(SessionId::new([1; 16]), &secret, &mut entropy, &ring(1));
        (code.expose().clone(), ring(1))
    }

    // C4: codes cannot be made up or changed.
    #[test]
    fn a_code_that_was_changed_anywhere_is_none() {
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
    fn a_code_is_no_refresh_token_and_the_reverse() {
        let (code, keys) = code();
        assert!(read_refresh_token(&code, &keys).is_none());
        let handle = read_code(&code, &keys).unwrap();
        let mut random = entropy(2);
        let token = new_refresh_token(handle.session_id, &handle.secret, &mut random, &keys);
        assert!(read_code(token.expose(), &keys).is_none());
        assert!(read_refresh_token(token.expose(), &keys).is_some());
    }

    // E6: the same successor for everybody who asks, and another for each token.
    #[test]
    fn a_refresh_token_has_one_successor() {
        let (_, keys) = code();
        let (id, secret) = (
            SessionId::new([1; 16]),
            SessionSecret::draw(&mut entropy(3)),
        );
        let first = new_refresh_token(id, &secret, &mut entropy(4), &keys);
        let second = next_refresh_token(first.expose(), id, &secret, &keys);
        assert_eq!(
            second.expose(),
            next_refresh_token(first.expose(), id, &secret, &keys).expose()
        );
        let third = next_refresh_token(second.expose(), id, &secret, &keys);
        assert_ne!(second.expose(), third.expose());
        let read = read_refresh_token(third.expose(), &keys).unwrap();
        assert_eq!((read.session_id, &read.secret), (id, &secret));
    }
}
