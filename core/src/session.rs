//! Session mapping: the session token that a client holds, and the session it stands for.
//!
//! The store keeps a [`record::Session`], sealed under the master key and a [`Share`] that only the
//! client's tokens carry. So a stolen store opens nothing, not even with the master key; and a token
//! that was made with the master key alone opens nothing either (threat G3).

pub(crate) mod allowed;
mod codec;
pub(crate) mod ended_mcp_sessions;
pub(crate) mod ending;
pub(crate) mod lookup;
pub(crate) mod mcp_settings;
pub(crate) mod profile;
pub(crate) mod record;
pub(crate) mod sealed;
pub(crate) mod step_up;
pub(crate) mod token;
pub(crate) mod update;
pub(crate) mod user_sessions;

use serde::Serialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// More than Entra's tokens, or the claims of a session token, usually are.
const JSON_BYTES: usize = 16 * 1024;

const SHARE_BYTES: usize = 16;

/// What a client's code or tokens add to the master key: without it the record of their session does
/// not open. The code has one, and every refresh token with its session tokens has another.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Share([u8; SHARE_BYTES]);

impl ZeroizeOnDrop for Share {}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Share {
    /// The share that follows from the random bytes of a code or a refresh token. A session token
    /// carries the share and not those bytes, so it opens the record but never becomes a refresh token.
    pub(crate) fn of(secret: &[u8]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(b"entra-mcp share");
        context.update(secret);
        let digest = context.finish();
        let mut share = Self([0; SHARE_BYTES]);
        for (to, from) in share.0.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        share
    }

    /// Takes what a session token carried.
    pub(crate) fn new(bytes: [u8; SHARE_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for the session token and to derive keys from.
    pub(crate) fn expose(&self) -> &[u8; SHARE_BYTES] {
        &self.0
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Share(..)")
    }
}

/// JSON that is wiped once it is sealed.
fn secret_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Room for all of it: a vector that grows would leave some of it behind.
    let mut text = Zeroizing::new(Vec::with_capacity(JSON_BYTES));
    serde_json::to_writer(&mut *text, value).expect("it is plain data");
    text
}
