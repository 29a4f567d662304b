//! Entra's ID token: who has signed in (OpenID Connect Core section 3.1.3.7; Microsoft identity
//! platform, "ID tokens" and "Claims validation").
//!
//! The signature is verified by one algorithm with a key of the configured tenant, whatever the
//! token says (RFC 8725 sections 3.1 and 3.10), though the token came straight from Entra. A user
//! is `tid` and `oid`; names and addresses can be changed by their bearers and are stored to be
//! shown only (threats D6, D7).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    env::Env,
    limits,
    planted::Planted,
    provider_metadata::{ProviderMetadata, SigningKey, is_guid},
    secret::constant_time_equal,
    session::{profile::ProfileClaims, record::User},
    step::Cx,
    time::UnixTime,
};

/// Who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The tenant, `tid`, in small letters.
    pub(crate) tenant_id: String,
    /// The object id, `oid`, in small letters.
    pub(crate) oid: String,
    /// The subject, `sub`.
    pub(crate) sub: Option<String>,
    /// What else the token says of the user.
    pub(crate) claims: ProfileClaims,
}

impl Identity {
    /// The user.
    pub(crate) fn to_user(&self) -> User {
        User {
            tenant_id: self.tenant_id.clone(),
            oid: self.oid.clone(),
            sub: self.sub.clone(),
            profile: self.claims.profile.clone(),
        }
    }

    /// Says for the audit log who does something.
    pub(crate) fn audit(&self, cx: &mut Cx<'_>) {
        if let Some(audited) = cx.audited() {
            audited.tenant_id = Some(self.tenant_id.clone());
            audited.object_id = Some(self.oid.clone());
        }
    }
}

/// Why an ID token is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdTokenError {
    /// It names a key that is not known; perhaps it is new.
    UnknownKey,
    /// The account belongs to another tenant (threat D8).
    OtherTenant,
    /// Something else is wrong with it; the reason is for the log.
    Wrong(&'static str),
}

impl IdTokenError {
    /// The reason, for the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKey => "the key is unknown",
            Self::OtherTenant => "the tenant is another",
            Self::Wrong(reason) => reason,
        }
    }
}

/// The members of the header that count.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    /// Extensions that must be understood: there are none (RFC 7515 section 4.1.11).
    crit: Option<IgnoredAny>,
}

/// The claims that are read.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: u64,
    nbf: u64,
    iat: u64,
    nonce: String,
    tid: String,
    oid: String,
    sub: Option<String>,
    ver: String,
}

/// Verifies an ID token that Entra's token endpoint gave for a sign-in with this `nonce`.
pub(crate) fn verify(
    token: &str,
    nonce: &str,
    metadata: &ProviderMetadata,
    env: Env<'_>,
) -> Result<Identity, IdTokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
    let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| MALFORMED)?;
    if header.alg != "RS256" || header.crit.is_some() {
        return Err(IdTokenError::Wrong("the algorithm is not RS256"));
    }
    let key = metadata.key(&header.kid).ok_or(IdTokenError::UnknownKey)?;
    if !key.has_signed(signed.as_bytes(), &decoded(signature)?) {
        return Err(IdTokenError::Wrong("the signature is wrong"));
    }
    let payload = decoded(payload)?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| IdTokenError::Wrong("a claim is missing or malformed"))?;
    check_claims(&claims, nonce, key, metadata, env)?;
    Ok(Identity {
        tenant_id: claims.tid.to_ascii_lowercase(),
        oid: claims.oid.to_ascii_lowercase(),
        sub: claims.sub,
        claims: ProfileClaims::read(&payload),
    })
}

const MALFORMED: IdTokenError = IdTokenError::Wrong("it is no JWT");

fn decoded(part: &str) -> Result<Vec<u8>, IdTokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)
}

fn check_claims(
    claims: &Claims,
    nonce: &str,
    key: &SigningKey,
    metadata: &ProviderMetadata,
    env: Env<'_>,
) -> Result<(), IdTokenError> {
    let wrong = |is_right: bool, reason| {
        if is_right {
            Ok(())
        } else {
            Err(IdTokenError::Wrong(reason))
        }
    };
    let entra = &env.server.config.entra;
    let is_ours = claims.aud == entra.client_id || env.server.has(Planted::AudienceIgnored);
    wrong(is_ours, "the audience is another")?;
    wrong(claims.ver == "2.0", "the version is another")?;
    let ids = is_guid(&claims.tid) && is_guid(&claims.oid);
    wrong(ids, "tid or oid is no GUID")?;
    if !entra.takes_tenant(&claims.tid) {
        return Err(IdTokenError::OtherTenant);
    }
    // The issuer names the tenant, in the token, in the metadata and, if it has one, in the key.
    let is_any = env.server.has(Planted::IssuerTemplateNotFilled);
    let of_tenant = |issuer: &str| {
        let is_filled = issuer.replace("{tenantid}", &claims.tid) == claims.iss;
        is_filled || is_any && metadata.is_issuer(&claims.iss)
    };
    let names_tenant = is_any || claims.iss.split('/').any(|part| part == claims.tid);
    wrong(
        of_tenant(&metadata.issuer) && names_tenant,
        "the issuer is another",
    )?;
    let key_issuer = key.issuer.as_deref();
    wrong(
        key_issuer.is_none_or(of_tenant),
        "the key signs for another issuer",
    )?;
    let now = env.now.unix;
    let soon = now.after(limits::ENTRA_CLOCK_LEEWAY);
    let ends = UnixTime(claims.exp).after(limits::ENTRA_CLOCK_LEEWAY);
    wrong(now < ends, "it has expired")?;
    let begun = UnixTime(claims.nbf) <= soon && UnixTime(claims.iat) <= soon;
    wrong(begun, "it is not valid yet")?;
    let same = constant_time_equal(claims.nonce.as_bytes(), nonce.as_bytes());
    wrong(same, "the nonce is another")
}

#[cfg(test)]
mod tenants;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        entra::testing::{ALICE, Signer, TENANT, claims},
        testing::TestServer,
    };

    /// What is made of the good claims with these changes, signed with the known key.
    fn verified(server: &TestServer, changes: Value) -> Result<Identity, IdTokenError> {
        let token = Signer::known().jwt(&claims(server, changes));
        read(server, &token)
    }

    fn read(server: &TestServer, token: &str) -> Result<Identity, IdTokenError> {
        let metadata = server.known.metadata.clone().unwrap();
        verify(token, "the nonce", &metadata, server.env())
    }

    fn is_wrong(verdict: Result<Identity, IdTokenError>) -> bool {
        matches!(verdict, Err(IdTokenError::Wrong(_)))
    }

    #[test]
    fn valid_id_token_names_the_user() {
        let identity = verified(&TestServer::dev(), json!({})).unwrap();
        assert_eq!(identity.tenant_id, TENANT);
        assert_eq!(identity.oid, ALICE);
    }

    // D7: nOAuth.
    #[test]
    fn id_token_names_and_addresses_identify_nobody() {
        let server = TestServer::dev();
        let one = verified(&server, json!({"email": "ada@contoso.example"}));
        let names = json!({"email": "eve@x.example", "upn": "eve", "preferred_username": "eve",
            "sub": "another", "name": "Eve", "oid": ALICE.to_uppercase()});
        let (one, other) = (one.unwrap(), verified(&server, names).unwrap());
        assert_eq!((one.tenant_id, one.oid), (other.tenant_id, other.oid));
        assert_eq!(other.claims.profile.name.as_deref(), Some("Eve"));
    }

    // D6: each claim, wrong, missing and of another type.
    #[test]
    fn id_token_with_any_claim_changed_is_rejected() {
        let server = TestServer::dev();
        let other = "33333333-3333-3333-3333-333333333333";
        for changes in [
            json!({"aud": other}),
            json!({"aud": [server.server.config.entra.client_id]}),
            json!({"iss": format!("https://login.example/{other}/v2.0")}),
            json!({"iss": format!("https://login.example/{TENANT}/v2.0/")}),
            json!({"iss": format!("https://sts.windows.net/{TENANT}/")}),
            json!({"nonce": "another"}),
            json!({"nonce": ""}),
            json!({"ver": "1.0"}),
            json!({"oid": ""}),
            json!({"oid": "ada@contoso.example"}),
            json!({"tid": "contoso.example"}),
            json!({"exp": "1900000000"}),
        ] {
            assert!(is_wrong(verified(&server, changes.clone())), "{changes}");
        }
        for claim in [
            "aud", "iss", "nonce", "ver", "oid", "tid", "exp", "nbf", "iat",
        ] {
            assert!(is_wrong(verified(&server, json!({claim: null}))), "{claim}");
        }
    }

    // D6, Q3: five minutes, as Microsoft's libraries allow.
    #[test]
    fn id_token_times_may_be_off_by_five_minutes() {
        let server = TestServer::dev();
        let now = server.now.unix.0;
        for (changes, good) in [
            (json!({"exp": now - 299}), true),
            (json!({"exp": now - 300}), false),
            (json!({"nbf": now + 300}), true),
            (json!({"nbf": now + 301}), false),
            (json!({"iat": now + 300}), true),
            (json!({"iat": now + 301}), false),
            (json!({"exp": 0}), false),
            (json!({"nbf": u64::MAX}), false),
        ] {
            assert_eq!(
                verified(&server, changes.clone()).is_ok(),
                good,
                "{changes}"
            );
        }
    }

    // D8
    #[test]
    fn account_of_another_tenant_is_rejected() {
        let mut server = TestServer::dev();
        let other = "33333333-3333-3333-3333-333333333333";
        let foreign = json!({"tid": other, "iss": format!("https://login.example/{other}/v2.0")});
        assert_eq!(
            verified(&server, foreign.clone()),
            Err(IdTokenError::OtherTenant)
        );
        // The tenant is configured by its domain: then the metadata's issuer says which it is.
        server.server.config.entra.tenant = "contoso.example".to_owned();
        assert!(verified(&server, json!({})).is_ok());
        assert!(is_wrong(verified(&server, foreign)));
        assert!(is_wrong(verified(&server, json!({"tid": other}))));
    }

    // The template of a tenant-independent authority, and the key's own issuer.
    #[test]
    fn issuer_template_is_filled_with_the_tenant_of_the_token() {
        let mut server = TestServer::dev();
        let template = "https://login.example/{tenantid}/v2.0".to_owned();
        let mut metadata = crate::testing::provider_metadata();
        metadata.issuer.clone_from(&template);
        metadata.keys[0].issuer = Some(template);
        server.known.metadata = Some(metadata.clone().into());
        assert!(verified(&server, json!({})).is_ok());
        assert!(is_wrong(verified(
            &server,
            json!({"iss": "https://login.example/{tenantid}/v2.0"})
        )));
        metadata.keys[0].issuer = Some("https://login.example/consumers/v2.0".to_owned());
        server.known.metadata = Some(metadata.into());
        assert!(is_wrong(verified(&server, json!({}))));
    }

    // D6, D9: the algorithm and the key are ours to choose.
    #[test]
    fn id_token_with_another_algorithm_or_a_key_of_its_own_is_rejected() {
        let server = TestServer::dev();
        let signer = Signer::known();
        let claims = claims(&server, json!({}));
        for header in [
            json!({"alg": "none", "kid": "known"}),
            json!({"alg": "HS256", "kid": "known"}),
            json!({"alg": "PS256", "kid": "known"}),
            json!({"alg": "rs256", "kid": "known"}),
            json!({"alg": "RS256", "kid": "known", "crit": ["exp"]}),
            json!({"alg": "RS256"}),
            json!({"kid": "known"}),
        ] {
            let token = signer.jwt_of(&header, &claims);
            assert!(is_wrong(read(&server, &token)), "{header}");
        }
        let unknown = json!({"alg": "RS256", "kid": "new", "jku": "https://evil.example/"});
        let token = signer.jwt_of(&unknown, &claims);
        assert_eq!(read(&server, &token), Err(IdTokenError::UnknownKey));
        let forged = Signer::unknown().jwt_of(&json!({"alg": "RS256", "kid": "known"}), &claims);
        assert!(is_wrong(read(&server, &forged)));
    }

    #[test]
    fn id_token_cut_or_changed_anywhere_is_rejected() {
        let server = TestServer::dev();
        let token = Signer::known().jwt(&claims(&server, json!({})));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let mut others = claims(&server, json!({"oid": TENANT}));
        others["aud"] = json!(server.server.config.entra.client_id);
        let others = URL_SAFE_NO_PAD.encode(others.to_string());
        for changed in [
            String::new(),
            "..".to_owned(),
            "null".to_owned(),
            header.to_owned(),
            signed.to_owned(),
            format!("{signed}."),
            format!("{header}..{signature}"),
            format!("{header}.{others}.{signature}"),
            format!("{token}="),
            format!("{token}.{signature}"),
        ] {
            assert!(is_wrong(read(&server, &changed)), "{changed}");
        }
    }
}
