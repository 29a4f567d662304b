//! What an access token of Entra's says of who calls, once it was verified.

use crate::{
    catalog::{Names, PrincipalKind},
    time::UnixTime,
};

/// The SHA-256 of an access token: its name in tables, which opens nothing.
pub(crate) type TokenHash = [u8; 32];

/// A caller that an access token of Entra's stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntraCaller {
    /// The tenant, `tid`, in small letters.
    pub(crate) tenant_id: String,
    /// The object id, `oid`, in small letters: of the user, or of the application's service principal.
    pub(crate) oid: String,
    /// Who calls.
    pub(crate) kind: PrincipalKind,
    /// The application that the token was issued to, `azp` or `appid`, in small letters.
    pub(crate) application: String,
    /// The name as it is shown.
    pub(crate) name: Option<String>,
    /// The name to sign in with.
    pub(crate) username: Option<String>,
    /// The app roles.
    pub(crate) roles: Names,
    /// The object ids of the groups, in small letters.
    pub(crate) groups: Names,
    /// Whether the token leaves the groups out, because there are too many, and Graph has not said in which the caller is:
    /// until then they are in none.
    pub(crate) has_more_groups: bool,
    /// Whether the account is another directory's, or nobody's, and was invited.
    pub(crate) is_guest: bool,
    /// Our own scopes that it has, space separated.
    pub(crate) scope: String,
    /// The authentication contexts that were satisfied.
    pub(crate) contexts: Names,
    /// Whether its client takes claims challenges (`xms_cc` has `cp1`).
    pub(crate) takes_challenges: bool,
    /// When the token ends.
    pub(crate) expires: UnixTime,
}
