//! What is known of access tokens of Entra's that callers present, and of what Entra gave for them.

use std::sync::Arc;

use crate::{
    claims_challenge::ClaimsChallenge, entra_token::EntraCaller, fault::Fault, secret::Secret,
    time::Instant,
};

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KnownToken {
    /// It was not verified lately.
    Unknown,
    /// It is this caller's.
    Caller(Arc<EntraCaller>),
    /// Entra takes it no more.
    Revoked,
}

/// What names a token that Entra gave for one: the hash of that assertion, of whom it is of, and of what the token is for.
pub(crate) type Key = [u8; 32];

/// What whoever needs a token is told.
#[derive(Debug)]
pub(crate) enum OnBehalfOfAnswer {
    /// It is known.
    Token(Arc<Secret<String>>),
    /// Ask Entra, and say what came of it.
    AskEntra,
    /// Another exchange has asked, in vain; or too many wait.
    Failed(OnBehalfOfFailure),
}

/// Why there is no token on behalf of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnBehalfOfFailure {
    /// Entra does not give it: there is no consent, or a policy forbids it.
    Denied,
    /// Entra takes the assertion no more.
    Revoked,
    /// The user must satisfy more, and its client can have them do that: these claims.
    ClaimsRequired(ClaimsChallenge),
    /// The user must satisfy more, and its client takes no claims.
    MoreRequired,
    /// Not now.
    Unavailable(Fault),
}

/// A token that was got, and until when it is used.
pub(crate) type Obtained = (Arc<Secret<String>>, Instant);
