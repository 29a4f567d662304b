//! The bounds of access tokens of Entra's in place of session tokens (threats D16, D17).

use std::time::Duration;

/// The longest access token that is looked at. One with two hundred groups has some 12 KB.
pub const ENTRA_TOKEN_BYTES: usize = 16 * 1024;

/// The longest lifetime that is believed: Entra's longest is 28 hours.
pub const ENTRA_TOKEN_LIFETIME: Duration = Duration::from_secs(29 * 3600);

/// For how long a token that was verified is known without being verified again.
pub const ENTRA_TOKEN_KNOWN: Duration = Duration::from_secs(300);

/// How many of them are known: of each what it says, 12 KB at most, 2 KB as a rule.
pub const ENTRA_TOKENS: usize = 2048;

/// The most client ids, scopes or roles in a claim that are looked at.
pub const ENTRA_TOKEN_NAMES: usize = 64;

/// The longest claims challenge that is answered or passed on: some 150 bytes as a rule. It must fit into a cookie.
pub const CLAIMS_CHALLENGE_BYTES: usize = 1536;

/// For how long an authentication context counts as satisfied: as long as an access token without continuous access evaluation.
pub const AUTHENTICATION_CONTEXT: Duration = Duration::from_secs(3600);

/// The most authentication contexts of a token that are looked at: Entra has 99.
pub const AUTHENTICATION_CONTEXTS: usize = 99;

/// The longest that a token of a session for another resource is kept: Entra is asked again then whether the user may still have it.
pub const SESSION_TOKEN_KEPT: Duration = Duration::from_secs(3600);

/// How many tokens that Entra gave on behalf of callers, or for other resources to sessions, are kept, of some 3 KB each.
pub const ON_BEHALF_OF_TOKENS: usize = 2048;

/// How many exchanges wait for one of them.
pub const ON_BEHALF_OF_WAITERS: usize = 64;
