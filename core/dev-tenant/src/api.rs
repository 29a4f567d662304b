//! The application as an API: other applications get access tokens for it, of users and of themselves, and the application
//! gets Graph's tokens on behalf of whom they are of.
//!
//! Source: Microsoft identity platform, "Access token claims reference", "OAuth 2.0 client credentials flow", "OAuth 2.0
//! Resource Owner Password Credentials" and "OAuth 2.0 On-Behalf-Of flow"; RFC 7523 section 2.1. Which version a token has
//! is up to the API (`/control`, `access_token_version`).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_wire::secret::constant_time_equal;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    API_URI, CLIENT_ID, COMMAND_LINE_ID, DAEMON_ID, DAEMON_SECRET, DevTenant, Reply,
    aadsts_error::AadstsError,
    authorization_request::{declares_cp1, wanted},
    id_token::UnsignedResponse,
    metadata::Tenant,
    request_context::RequestContext,
    scope,
    sealed::{Sealed, SignIn},
    token::{Grant, check_account, check_claims, subject},
    users::Account,
};

/// The scopes of the API.
const SCOPES: [&str; 3] = ["user.read", "mail.read", "access_as_user"];

/// The app role that the daemon has.
const DAEMON_ROLE: &str = "Tools.Execute.All";

/// The object id of the daemon's service principal.
const DAEMON_OBJECT: &str = "dae30000-52c7-4b0e-9a61-d3e7e4a70007";

/// How long an access token is good for, in seconds.
const LIFETIME: u64 = 3599;

/// An application that calls the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// A public client: a user's command line.
    CommandLine,
    /// A confidential client without a user.
    Daemon,
}

impl Caller {
    /// The one of this client id.
    pub(super) fn find(client_id: &str) -> Option<Self> {
        if client_id.eq_ignore_ascii_case(COMMAND_LINE_ID) {
            return Some(Self::CommandLine);
        }
        client_id
            .eq_ignore_ascii_case(DAEMON_ID)
            .then_some(Self::Daemon)
    }

    const fn id(self) -> &'static str {
        match self {
            Self::CommandLine => COMMAND_LINE_ID,
            Self::Daemon => DAEMON_ID,
        }
    }
}

/// Whose an access token is.
enum Whose<'a> {
    User(&'a Account, SignIn),
    /// The application's own, in this tenant.
    Application(&'static str),
}

impl Whose<'_> {
    const fn tenant(&self) -> &'static str {
        match self {
            Self::User(account, _) => account.user.tenant,
            Self::Application(tenant) => tenant,
        }
    }
}

/// Who has signed in, inside an access token for the API: what Entra has in `aio` is as opaque.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OpaqueSignIn(SignIn);

impl Sealed for OpaqueSignIn {
    const PREFIX: &'static str = "Ab";
    const SURVIVES_RESTART: bool = true;
}

/// The claims of an assertion that count here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AssertionClaims {
    aud: String,
    exp: u64,
    azp: Option<String>,
    appid: Option<String>,
    idtyp: Option<String>,
    aio: String,
}

impl DevTenant {
    /// The answer to another application.
    pub(super) fn for_caller(
        &self,
        caller: Caller,
        authority: Tenant,
        grant_type: &str,
        cx: &mut RequestContext<'_>,
    ) -> Result<Reply, AadstsError> {
        let one = |name: &str| cx.form.one(name).ok().flatten().map(str::to_owned);
        let needed = |name: &str| one(name).ok_or_else(|| AadstsError::missing(name));
        let scope = needed("scope")?;
        self.check_authority(authority)?;
        match (caller, grant_type) {
            (Caller::Daemon, "client_credentials") => {
                let secret = one("client_secret").unwrap_or_default();
                if !constant_time_equal(secret.as_bytes(), DAEMON_SECRET.as_bytes()) {
                    let text = format!("Invalid client secret provided for app '{DAEMON_ID}'.");
                    return Err(AadstsError::new("invalid_client", 7_000_215, text));
                }
                if names(&scope).collect::<Vec<_>>() != [".default"] {
                    let text = format!("The provided value for scope {scope} is not valid.");
                    return Err(AadstsError::new("invalid_scope", 1_002_012, text));
                }
                let whose = Whose::Application(authority.segment());
                Ok(self.api_token(caller, whose, &scope, cx))
            }
            (Caller::CommandLine, "password") => {
                let (username, _) = (needed("username")?, needed("password")?);
                let scopes = granted(&scope)?;
                let account = self.directory.by_username(&username).cloned();
                let account = account.ok_or_else(|| {
                    let text = "The user account does not exist in the directory.";
                    AadstsError::new("invalid_grant", 50_034, text)
                })?;
                if !authority.admits(account.user) {
                    return Err(AadstsError::no_guest(account.user, authority.segment()));
                }
                let wanted = one("claims").map(|claims| wanted(&claims));
                let wanted = wanted.unwrap_or_default();
                let sign_in = SignIn {
                    oid: account.user.oid.to_owned(),
                    epoch: account.epoch,
                    at: cx.now,
                    sid: super::formats::guid(&mut cx.entropy),
                    strong: wanted.is_challenge,
                    contexts: wanted.contexts,
                };
                check_account(&account, &sign_in)?;
                let whose = Whose::User(&account, sign_in);
                Ok(self.api_token(caller, whose, &scopes, cx))
            }
            (_, other) => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                Err(AadstsError::new("unsupported_grant_type", 70_003, text))
            }
        }
    }

    /// An access token for the API.
    fn api_token(
        &self,
        caller: Caller,
        whose: Whose<'_>,
        scope: &str,
        cx: &mut RequestContext<'_>,
    ) -> Reply {
        let is_v1 = self.settings.issues_v1_tokens;
        let tenant = whose.tenant();
        let (origin, mut claims) = (&self.config.origin, Map::new());
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        let (issuer, audience, application) = match is_v1 {
            true => (format!("{origin}/{tenant}/"), API_URI, "appid"),
            false => (format!("{origin}/{tenant}/v2.0"), CLIENT_ID, "azp"),
        };
        let seconds = self.settings.expires_in.unwrap_or(LIFETIME);
        set("iss", json!(issuer));
        let another = self.settings.access_token_audience.as_deref();
        set("aud", json!(another.unwrap_or(audience)));
        set(application, json!(caller.id()));
        set("ver", json!(if is_v1 { "1.0" } else { "2.0" }));
        set("tid", json!(tenant));
        set("iat", json!(cx.now));
        set("nbf", json!(cx.now));
        set("exp", json!(cx.now.saturating_add(seconds)));
        set("uti", json!(cx.entropy.token::<16>()));
        if cx
            .form
            .one("claims")
            .ok()
            .flatten()
            .is_some_and(declares_cp1)
        {
            set("xms_cc", json!(["CP1"]));
        }
        match &whose {
            Whose::User(account, sign_in) => {
                let opaque = OpaqueSignIn(sign_in.clone());
                set("aio", json!(self.sealer.seal(&opaque, &mut cx.entropy)));
                set("scp", json!(scope));
                claims.extend(of_user(account, sign_in, is_v1));
            }
            Whose::Application(_) => {
                set("aio", json!(cx.entropy.token::<48>()));
                set("idtyp", json!("app"));
                set("oid", json!(DAEMON_OBJECT));
                set("sub", json!(DAEMON_OBJECT));
                set("roles", json!([DAEMON_ROLE]));
            }
        }
        let key = self.signing.key();
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": key.kid});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&Value::Object(claims)));
        let mut body = Map::new();
        body.insert("token_type".to_owned(), json!("Bearer"));
        body.insert("expires_in".to_owned(), json!(seconds));
        body.insert("ext_expires_in".to_owned(), json!(seconds));
        if matches!(whose, Whose::User(..)) {
            let scopes = scope.split(' ').map(|name| format!("{API_URI}/{name}"));
            let scopes: Vec<_> = scopes.collect();
            body.insert("scope".to_owned(), json!(scopes.join(" ")));
        }
        Reply::Sign(UnsignedResponse::new(
            key.pkcs8,
            message,
            "access_token",
            body,
        ))
    }

    /// What an assertion amounts to: the application acts on behalf of whom it is of.
    pub(super) fn on_behalf_of(
        &self,
        assertion: &str,
        cx: &RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        let refuse = |number, text: String| Err(AadstsError::new("invalid_grant", number, text));
        let one = |name| cx.form.one(name).ok().flatten();
        if one("requested_token_use") != Some("on_behalf_of") {
            return Err(AadstsError::missing("requested_token_use"));
        }
        let Some(claims) = self.claims_of(assertion) else {
            let text = "Assertion failed signature validation.";
            return refuse(50_013, text.to_owned());
        };
        if claims.aud != CLIENT_ID && claims.aud.trim_end_matches('/') != API_URI {
            let text = format!(
                "Assertion audience does not match the Client app presenting the assertion. The audience in the \
                 assertion was '{}' and the expected audience is '{CLIENT_ID}'.",
                claims.aud
            );
            return refuse(500_131, text);
        }
        if cx.now >= claims.exp {
            let text = "Assertion is not within its valid time range.";
            return refuse(500_133, text.to_owned());
        }
        if claims.azp.is_none() && claims.appid.is_none() {
            let text = "Input id_token cannot be used as 'urn:ietf:params:oauth:grant-type:jwt-bearer' grant.";
            return refuse(240_002, text.to_owned());
        }
        let sign_in = self.sealer.open::<OpaqueSignIn>(&claims.aio);
        let (Some(OpaqueSignIn(sign_in)), Some("user")) = (sign_in, claims.idtyp.as_deref()) else {
            let text = "The assertion is not of a user.";
            return refuse(50_013, text.to_owned());
        };
        let account = self.directory.by_oid(&sign_in.oid);
        if account.is_some_and(|account| account.needs_second_factor) && !sign_in.strong {
            return Err(AadstsError::second_factor());
        }
        check_claims(&sign_in, cx)?;
        Ok(Grant::on_behalf_of(sign_in))
    }

    /// The claims of a token that this tenant has signed.
    fn claims_of(&self, token: &str) -> Option<AssertionClaims> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
        let key = self.signing.published_key(header.get("kid")?.as_str()?)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key())
            .verify(message.as_bytes(), &decode(signature)?)
            .ok()?;
        serde_json::from_slice(&decode(claims)?).ok()
    }
}

/// What an access token says of a user.
fn of_user(account: &Account, sign_in: &SignIn, is_v1: bool) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    if !sign_in.contexts.is_empty() {
        set("acrs", json!(sign_in.contexts));
    }
    set("idtyp", json!("user"));
    set("oid", json!(account.user.oid));
    set("sub", json!(subject(account.user.oid)));
    set("name", json!(account.user.display_name));
    let username = if is_v1 { "upn" } else { "preferred_username" };
    set(username, json!(account.user.username));
    if let Some(home) = account.user.home {
        set("idp", json!(format!("https://sts.windows.net/{home}/")));
    }
    if !account.roles.is_empty() {
        set("roles", json!(account.roles));
    }
    if (1..=200).contains(&account.groups.len()) {
        set("groups", json!(account.groups));
    }
    claims
}

/// The names of scopes of the API; of another resource the whole.
fn names(scope: &str) -> impl Iterator<Item = &str> {
    scope.split_ascii_whitespace().map(|word| {
        let name = word.strip_prefix(API_URI);
        name.and_then(|name| name.strip_prefix('/')).unwrap_or(word)
    })
}

/// What of the API is granted for this.
fn granted(scope: &str) -> Result<String, AadstsError> {
    let mut granted = Vec::new();
    for name in names(scope) {
        match name {
            ".default" => granted.extend(SCOPES),
            name if SCOPES.contains(&name) => granted.push(name),
            "openid" | "profile" | "email" | "offline_access" => {}
            other => return Err(scope::unknown_resource(other)),
        }
    }
    if granted.is_empty() {
        return Err(AadstsError::missing("scope"));
    }
    granted.dedup();
    Ok(granted.join(" "))
}
