//! An access token of Entra's for this application, in place of a session token (Microsoft identity platform, "Access
//! tokens", "Access token claims reference" and "Secure applications and APIs by validating claims"; threat D16).
//!
//! The checks come in one order: form, algorithm, signature, issuer, version, tenant, audience, time, kind of token, who
//! it is of, and what the operator takes. Nothing is believed before the signature holds. The reason of a refusal is for
//! the log, and holds nothing of the token.

mod claims;
mod kind;
mod policy;
#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use self::claims::Claims;
use crate::{
    config::{AcceptedEntraTokens, TokenVersion},
    entra_token::EntraCaller,
    env::Env,
    limits,
    planted::Planted,
    provider_metadata::{Issuer, ProviderMetadata, SigningKey, is_guid},
    session::profile::ProfileClaims,
    time::UnixTime,
};

/// Why an access token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntraTokenError {
    /// It names a key that is not known; perhaps it is new.
    UnknownKey,
    /// It is no token that is good here.
    Invalid(&'static str),
    /// It is good, and its caller may not use this server.
    Forbidden(&'static str),
    /// It is good, and has no scope that is taken.
    NoScope,
}

impl EntraTokenError {
    /// The reason, for the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKey => "the key is unknown",
            Self::Invalid(reason) | Self::Forbidden(reason) => reason,
            Self::NoScope => "it has no scope that is taken here",
        }
    }
}

/// The members of the header that count. One that is given twice is an error.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    /// What Graph's own tokens have, whose signature nobody else can verify.
    nonce: Option<IgnoredAny>,
    /// Extensions that must be understood: there are none (RFC 7515 section 4.1.11).
    crit: Option<IgnoredAny>,
}

/// The tenant of personal accounts, which is nobody's organization.
const PERSONAL_ACCOUNTS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

const GRAPH: &str = "it is for Microsoft Graph";

/// The names of Microsoft Graph as an audience.
const GRAPH_AUDIENCES: [&str; 3] = [
    "00000003-0000-0000-c000-000000000000",
    "https://graph.microsoft.com",
    "https://graph.microsoft.com/",
];

fn wrong<T>(reason: &'static str) -> Result<T, EntraTokenError> {
    Err(EntraTokenError::Invalid(reason))
}

fn check(is_right: bool, reason: &'static str) -> Result<(), EntraTokenError> {
    if is_right { Ok(()) } else { wrong(reason) }
}

fn decoded(part: &str) -> Result<Vec<u8>, EntraTokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .or_else(|_| wrong("it is no JWT"))
}

/// Verifies an access token; all but whether the directory still knows its caller.
pub(crate) fn verify(
    token: &str,
    accepted: &AcceptedEntraTokens,
    metadata: &ProviderMetadata,
    env: Env<'_>,
) -> Result<EntraCaller, EntraTokenError> {
    check(token.len() <= limits::ENTRA_TOKEN_BYTES, "it is too long")?;
    let parts = token.rsplit_once('.');
    let parts = parts.and_then(|(signed, signature)| {
        let (header, payload) = signed.split_once('.')?;
        Some((signed, header, payload, signature))
    });
    let Some((signed, header, payload, signature)) = parts else {
        return wrong("it is no JWT");
    };
    let header: Header =
        serde_json::from_slice(&decoded(header)?).or_else(|_| wrong("it is no JWT"))?;
    let is_jwt = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"));
    check(is_jwt, "it is a token of another type")?;
    let is_rs256 = header.alg == "RS256" && header.crit.is_none();
    check(is_rs256, "the algorithm is not RS256")?;
    check(header.nonce.is_none(), GRAPH)?;
    let payload = decoded(payload)?;
    let claims: Claims =
        serde_json::from_slice(&payload).or_else(|_| wrong("a claim is malformed"))?;
    let version = claims.version().ok_or(EntraTokenError::Invalid(
        "the version is neither 1.0 nor 2.0",
    ))?;
    check(
        accepted.has_version(version),
        match version {
            TokenVersion::V1 => "it is of version 1.0, which is not taken",
            TokenVersion::V2 => "it is of version 2.0, which is not taken",
        },
    )?;
    let issuer = metadata
        .issuer_of(version)
        .ok_or(EntraTokenError::UnknownKey)?;
    let key = header
        .kid
        .and_then(|kid| issuer.keys.iter().find(|key| key.kid == kid));
    let key = key.ok_or(EntraTokenError::UnknownKey)?;
    let is_signed = key.has_signed(signed.as_bytes(), &decoded(signature)?);
    check(is_signed, "the signature is wrong")?;
    caller_of(&payload, &claims, (version, key, issuer), accepted, env)
}

/// Whose a token is that this key has signed.
fn caller_of(
    payload: &[u8],
    claims: &Claims,
    (version, key, issuer): (TokenVersion, &SigningKey, Issuer<'_>),
    accepted: &AcceptedEntraTokens,
    env: Env<'_>,
) -> Result<EntraCaller, EntraTokenError> {
    let tenant_id = check_issuer(claims, version, key, issuer, env)?;
    check_audience(claims, version, accepted, env)?;
    check_time(claims, env.now.unix)?;
    check_is_access_token(claims, version)?;
    caller(
        claims,
        tenant_id,
        version,
        ProfileClaims::read(payload),
        accepted,
        env,
    )
}

/// Whose a token would be that says this, if the first key of its version had signed it.
#[cfg(feature = "fuzzing")]
pub(crate) fn of_payload(
    payload: &[u8],
    accepted: &AcceptedEntraTokens,
    metadata: &ProviderMetadata,
    env: Env<'_>,
) -> Option<EntraCaller> {
    let claims: Claims = serde_json::from_slice(payload).ok()?;
    let version = claims.version()?;
    let issuer = metadata.issuer_of(version)?;
    let of_key = (version, issuer.keys.first()?, issuer);
    caller_of(payload, &claims, of_key, accepted, env).ok()
}

/// Whether issuer, key and tenant agree, and are ours. Returns the tenant.
fn check_issuer(
    claims: &Claims,
    version: TokenVersion,
    key: &SigningKey,
    issuer: Issuer<'_>,
    env: Env<'_>,
) -> Result<String, EntraTokenError> {
    let tenant = claims.tid.as_deref().unwrap_or_default();
    check(is_guid(tenant), "tid is no GUID")?;
    let tenant = tenant.to_ascii_lowercase();
    let iss = claims.iss.as_deref().unwrap_or_default();
    let is_issuer = iss.eq_ignore_ascii_case(&issuer.of_tenant(&tenant));
    let is_ours = issuer.is_of_tenant(&tenant) && env.server.config.entra.takes_tenant(&tenant);
    // Entra signs for all tenants with the same keys: that it is another one's says more than that the key is.
    check(
        !is_issuer || is_ours && tenant != PERSONAL_ACCOUNTS,
        "the tenant is another",
    )?;
    check(
        key.signs_for(iss, &tenant, version),
        "the key signs for another issuer",
    )?;
    check(is_issuer, "the issuer is another")?;
    Ok(tenant)
}

fn check_audience(
    claims: &Claims,
    version: TokenVersion,
    accepted: &AcceptedEntraTokens,
    env: Env<'_>,
) -> Result<(), EntraTokenError> {
    let audience = claims.aud.as_str().unwrap_or_default();
    check(!GRAPH_AUDIENCES.contains(&audience), GRAPH)?;
    let is_ours = accepted.is_audience(audience, &env.server.config.entra.client_id, version)
        || env.server.has(Planted::EntraTokenAudienceIgnored);
    check(is_ours, "the audience is another")
}

fn check_time(claims: &Claims, now: UnixTime) -> Result<(), EntraTokenError> {
    let (Some(exp), Some(nbf)) = (claims.exp, claims.nbf) else {
        return wrong("it does not say when it is good");
    };
    let leeway = limits::ENTRA_CLOCK_LEEWAY;
    check(now < UnixTime(exp).after(leeway), "it has expired")?;
    check(UnixTime(nbf) <= now.after(leeway), "it is not valid yet")?;
    let longest = UnixTime(nbf).after(limits::ENTRA_TOKEN_LIFETIME);
    check(UnixTime(exp) <= longest, "it is good for too long")
}

/// ID tokens of our own client have the same keys, issuer and audience.
fn check_is_access_token(claims: &Claims, version: TokenVersion) -> Result<(), EntraTokenError> {
    let has_application = claims.application(version).is_some();
    let grants = claims.scp.is_some() || claims.roles.is_some() || claims.idtyp.is_some();
    let is_id_token = claims.nonce.is_some() || claims.c_hash.is_some() || claims.at_hash.is_some();
    check(
        has_application && grants && !is_id_token,
        "it is no access token: perhaps an ID token",
    )
}

/// Who calls, if the operator takes their tokens.
fn caller(
    claims: &Claims,
    tenant_id: String,
    version: TokenVersion,
    profile: ProfileClaims,
    accepted: &AcceptedEntraTokens,
    env: Env<'_>,
) -> Result<EntraCaller, EntraTokenError> {
    let oid = claims.oid.as_deref().unwrap_or_default();
    let subject = claims.sub.as_deref().unwrap_or_default();
    check(is_guid(oid) && !subject.is_empty(), "oid or sub is missing")?;
    let application = claims.application(version).unwrap_or_default();
    check(is_guid(application), "the application is no GUID")?;
    let kind = kind::of(claims)?;
    let has_more_groups = profile.has_more_groups;
    let profile = profile.profile;
    let username = match version {
        TokenVersion::V2 => profile.username,
        TokenVersion::V1 => profile.username.or_else(|| claims.username()),
    };
    let caller = EntraCaller {
        tenant_id,
        oid: oid.to_ascii_lowercase(),
        kind,
        application: application.to_ascii_lowercase(),
        name: profile.name,
        username,
        roles: profile.roles,
        groups: profile.groups,
        has_more_groups,
        is_guest: profile.is_guest,
        contexts: profile.contexts.ids,
        scope: String::new(),
        takes_challenges: claims.takes_challenges(),
        expires: UnixTime(claims.exp.unwrap_or_default()),
    };
    policy::check(caller, claims, accepted, env)
}
