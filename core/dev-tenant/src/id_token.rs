//! The ID token (v2.0), and the faults that it can be made to have.
//!
//! Source: Microsoft identity platform, "ID token claims reference". The faults are for tests of whoever
//! verifies it, and access tokens for the API (threats D1, D16).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    DevTenant, FABRIKAM_ID, TENANT_ID, client::Client, request_context::RequestContext,
    sealed::SignIn, signing::SigningKey, token, unsigned_response::UnsignedToken, users::TestUser,
};

/// How long an ID token is good for, in seconds.
const LIFETIME: u64 = 3600;

/// Entra dates its tokens a little redirect.
const BACKDATED: u64 = 300;

/// Another tenant, for id_token.
const FOREIGN_TENANT: &str = "f0e1647e-1d2c-4b3a-8f49-0000c0de0009";

/// What is wrong with the next ID token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IdTokenFault {
    /// It is for another application.
    Audience,
    /// It has another issuer.
    Issuer,
    /// Another tenant's id stands in it, and in its issuer.
    Tenant,
    /// Another tenant's id stands in it, but not in its issuer.
    TenantId,
    /// It is of the tenant of personal accounts.
    PersonalAccount,
    /// It carries another nonce.
    Nonce,
    /// It carries none.
    NoNonce,
    /// It expired an hour ago.
    Expired,
    /// It is good from in an hour only.
    NotYetValid,
    /// It names no user.
    NoObjectId,
    /// It is not signed: `alg` is `none`.
    Unsigned,
    /// Its header says HS256.
    SymmetricAlgorithm,
    /// It is signed with a key that is not published, under that key's name.
    UnknownKey,
    /// It is signed with one key and names another.
    WrongSignature,
    /// Its header has a nonce, as access tokens for Microsoft Graph have.
    HeaderNonce,
    /// It does not name the application that it was issued to.
    NoApplication,
}

/// What an ID token is made from.
pub(super) struct IdTokenParams {
    pub(super) client: Client,
    pub(super) user: &'static TestUser,
    pub(super) sign_in: SignIn,
    pub(super) scopes: Vec<String>,
    pub(super) nonce: Option<String>,
    pub(super) wants_auth_time: bool,
}

impl DevTenant {
    /// An ID token that wants a signature, unless it is to have none.
    pub(super) fn id_token(
        &mut self,
        wanted: &IdTokenParams,
        body: &mut Map<String, Value>,
        cx: &mut RequestContext<'_>,
    ) -> Option<UnsignedToken> {
        let fault = self.faults.next_id_token_fault();
        let claims = self.claims(wanted, cx);
        self.signed(claims, fault, "id_token", body)
    }

    /// A token that says this, and wants a signature, for this member of the body. One whose algorithm is `none` is put there.
    pub(super) fn signed(
        &self,
        mut claims: Map<String, Value>,
        fault: Option<IdTokenFault>,
        member: &'static str,
        body: &mut Map<String, Value>,
    ) -> Option<UnsignedToken> {
        fault
            .into_iter()
            .for_each(|fault| corrupt(&mut claims, fault));
        let real = self.signing.key();
        let (signer, kid) = match fault {
            Some(IdTokenFault::UnknownKey) => {
                let key = self.signing.unpublished_key();
                (key.pkcs8, key.kid)
            }
            Some(IdTokenFault::WrongSignature) => (SigningKey::another(&real), real.kid),
            _ => (real.pkcs8, real.kid),
        };
        let mut header = Map::new();
        let mut set = |name: &str, value: &str| drop(header.insert(name.to_owned(), json!(value)));
        set("typ", "JWT");
        set("kid", &kid);
        set(
            "alg",
            match fault {
                Some(IdTokenFault::Unsigned) => "none",
                Some(IdTokenFault::SymmetricAlgorithm) => "HS256",
                _ => "RS256",
            },
        );
        if fault == Some(IdTokenFault::HeaderNonce) {
            set("nonce", "a nonce");
        }
        let token = UnsignedToken::new(signer, header, claims, member);
        if fault == Some(IdTokenFault::Unsigned) {
            token.put_unsigned(body);
            return None;
        }
        Some(token)
    }

    fn claims(&self, wanted: &IdTokenParams, cx: &mut RequestContext<'_>) -> Map<String, Value> {
        let user = wanted.user;
        let has = |name: &str| wanted.scopes.iter().any(|scope| scope == name);
        let begins = cx.now.saturating_sub(BACKDATED);
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("aud", json!(wanted.client.id()));
        set(
            "iss",
            json!(format!("{}/{}/v2.0", self.config.origin, user.tenant)),
        );
        set("iat", json!(begins));
        set("nbf", json!(begins));
        set("exp", json!(cx.now.saturating_add(LIFETIME)));
        set("aio", json!(cx.entropy.token::<48>()));
        if wanted.wants_auth_time {
            set("auth_time", json!(wanted.sign_in.at));
        }
        if let (true, Some(mail)) = (has("email"), user.mail) {
            set("email", json!(mail));
        }
        if has("profile") {
            set("name", json!(user.display_name));
            set("oid", json!(user.oid));
            set("preferred_username", json!(user.username));
        }
        let account = self.directory.by_oid(user.oid);
        if let Some(account) = account.filter(|account| !account.roles.is_empty()) {
            set("roles", json!(account.roles));
        }
        if !wanted.sign_in.contexts.is_empty() {
            set("acrs", json!(wanted.sign_in.contexts));
        }
        if let Some(nonce) = &wanted.nonce {
            set("nonce", json!(nonce));
        }
        set("rh", json!(format!("1.{}.", cx.entropy.token::<24>())));
        set("sid", json!(wanted.sign_in.sid));
        set("sub", json!(token::subject(user.oid, wanted.client.id())));
        set("tid", json!(user.tenant));
        if let Some(home) = user.home {
            set("idp", json!(format!("https://sts.windows.net/{home}/")));
        }
        set("uti", json!(cx.entropy.token::<16>()));
        set("ver", json!("2.0"));
        if let Some(account) = account {
            // Whoever asks there is in the list of requests.
            let endpoint = format!(
                "{}/{}/users/{}/getMemberObjects",
                self.config.origin, user.tenant, user.oid
            );
            self.settings
                .group_claims
                .add_to(&mut claims, account, &endpoint);
        }
        claims
    }
}

fn corrupt(claims: &mut Map<String, Value>, fault: IdTokenFault) {
    let of_another = |claims: &mut Map<String, Value>, tenant: &str| {
        let issuer = claims
            .get("iss")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let own = claims.get("tid").and_then(Value::as_str);
        let issuer = issuer.replace(own.unwrap_or(TENANT_ID), tenant);
        claims.insert("iss".to_owned(), json!(issuer));
        claims.insert("tid".to_owned(), json!(tenant));
    };
    let moved = |claims: &mut Map<String, Value>, seconds: i64| {
        for name in ["iat", "nbf", "exp"] {
            let old = claims.get(name).and_then(Value::as_i64).unwrap_or_default();
            claims.insert(name.to_owned(), json!(old + seconds));
        }
    };
    let mut set = |name: &str, value: &str| claims.insert(name.to_owned(), json!(value));
    match fault {
        IdTokenFault::Audience => drop(set("aud", "9f8e7d6c-0000-4000-8000-0000c0de0008")),
        IdTokenFault::Issuer => drop(set("iss", "https://issuer.invalid/v2.0")),
        IdTokenFault::TenantId => {
            let own = claims.get("tid").and_then(Value::as_str);
            let other = match own {
                Some(TENANT_ID) => FABRIKAM_ID,
                _ => TENANT_ID,
            };
            claims.insert("tid".to_owned(), json!(other));
        }
        IdTokenFault::Nonce => drop(set("nonce", "another nonce")),
        IdTokenFault::NoNonce => drop(claims.remove("nonce")),
        IdTokenFault::NoObjectId => drop(claims.remove("oid")),
        IdTokenFault::Tenant => of_another(claims, FOREIGN_TENANT),
        IdTokenFault::PersonalAccount => of_another(claims, "9188040d-6c67-4c5b-b112-36a304b66dad"),
        IdTokenFault::Expired => moved(claims, -7200),
        IdTokenFault::NotYetValid => moved(claims, 7200),
        IdTokenFault::NoApplication => {
            claims.remove("azp");
            claims.remove("appid");
        }
        IdTokenFault::Unsigned
        | IdTokenFault::HeaderNonce
        | IdTokenFault::SymmetricAlgorithm
        | IdTokenFault::UnknownKey
        | IdTokenFault::WrongSignature => {}
    }
}
