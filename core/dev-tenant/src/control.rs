//! Telling the tenant what to do wrong, and who may not sign in: for tests, and for users who want
//! to see what happens.
//!
//! `POST /control` takes an object as JSON, such as `{"action": "disable", "username": "alice"}`, or
//! an array of them, or one as a form. `GET /control` shows the present state, `GET
//! /control/requests` what was asked of the tenant. In a test of the core it is
//! [`DevTenant::control`].

use bytes::Bytes;
use entra_mcp_wire::response;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    DevTenant,
    client_assertion::RegisteredCertificate,
    directory::Directory,
    faults::{GraphError, IdentityError, TokenError},
    federation::FederatedCredential,
    group_claims::GroupClaims,
    id_token::IdTokenFault,
    organizations::SignInAudience,
    pages,
    request_context::RequestContext,
    users::{Account, AccountStatus},
};

/// How the tenant takes RFC 8707's `resource` parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourcePolicy {
    /// It must be the App ID URI of what the scopes are of, exactly: else AADSTS9010010, as since March 2026.
    #[default]
    #[serde(rename = "enforce-2026")]
    Enforce2026,
    /// AADSTS901002, as before.
    #[serde(rename = "reject-901002")]
    Reject901002,
    /// It is ignored.
    Ignore,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Control {
    /// The next token request fails so.
    TokenError(TokenError),
    /// The next request to Graph fails so.
    GraphError(GraphError),
    /// The next ID token has this fault.
    IdTokenFault {
        /// How.
        fault: IdTokenFault,
    },
    /// The next access token for the application as an API has this fault.
    AccessTokenFault {
        /// How.
        fault: IdTokenFault,
    },
    /// Tokens name these groups, so.
    GroupClaims(GroupClaims),
    /// The links to the next page of a list of Graph lead there.
    NextLinkOrigin {
        /// Such as `https://evil.example`; nothing for here.
        origin: Option<String>,
    },
    /// The next request for a token of the managed identity fails so.
    IdentityError(IdentityError),
    /// The application has this App ID URI, too.
    AppIdUri {
        /// The URI, such as that of the MCP server.
        uri: String,
    },
    /// Every answer comes so late, until the next setting; of paths that contain this text only.
    Latency {
        /// Zero for none.
        milliseconds: u64,
        /// Such as `token` or `keys`; empty for all.
        #[serde(default)]
        path: String,
    },
    /// Another key signs from now on.
    RotateKeys {
        /// Whether it is one that nobody saw published.
        #[serde(default)]
        is_emergency: bool,
        /// How long the key set does not show it, in seconds.
        #[serde(default)]
        late_seconds: u64,
    },
    /// All sessions of a user are void (`revokeSignInSessions`).
    Revoke {
        /// The name that the user signs in with.
        username: String,
    },
    /// A user's account is disabled.
    Disable {
        /// The name that the user signs in with.
        username: String,
    },
    /// A user's account is as good as any again.
    Enable {
        /// The name that the user signs in with.
        username: String,
    },
    /// Conditional Access blocks a user.
    Block {
        /// The name that the user signs in with.
        username: String,
    },
    /// A user is not assigned to the application.
    Unassign {
        /// The name that the user signs in with.
        username: String,
    },
    /// Whether renewing a user's session needs a second factor.
    SecondFactor {
        /// The name that the user signs in with.
        username: String,
        /// Whether it does.
        is_needed: bool,
    },
    /// Graph wants this authentication context of a user from now on, or none.
    GraphContext {
        /// The name that the user signs in with.
        username: String,
        /// Such as `c1`.
        context: Option<String>,
    },
    /// Whose users the application is for.
    SignInAudience {
        /// As in its registration: `AzureADMyOrg` or `AzureADMultipleOrgs`.
        audience: SignInAudience,
    },
    /// The consents of a user are withdrawn.
    ClearConsent {
        /// The name that the user signs in with.
        username: String,
    },
    /// A user is in these groups from now on.
    Groups {
        /// The name that the user signs in with.
        username: String,
        /// Their object ids.
        groups: Vec<String>,
    },
    /// A user has these app roles from now on.
    Roles {
        /// The name that the user signs in with.
        username: String,
        /// Their values.
        roles: Vec<String>,
    },
    /// The tenant's clock goes so much ahead, or behind.
    ClockOffset {
        /// Seconds.
        seconds: i64,
    },
    /// How `resource` is taken.
    ResourcePolicy {
        /// How.
        policy: ResourcePolicy,
    },
    /// The application's secret has expired, or not.
    SecretExpired {
        /// Whether it has.
        is_expired: bool,
    },
    /// A certificate is registered with the application.
    RegisterCertificate {
        /// The certificate in PEM.
        certificate: String,
    },
    /// The application trusts the tokens of an issuer for this subject.
    FederatedCredential(FederatedCredential),
    /// A client assertion that a certificate has signed is good once. Entra does not document that.
    RefuseReusedAssertions {
        /// Whether it is.
        is_enabled: bool,
    },
    /// How long access tokens are good for.
    ExpiresIn {
        /// Seconds.
        seconds: u64,
    },
    /// Which version access tokens for the application as an API have.
    AccessTokenVersion {
        /// 1 or 2.
        version: u8,
    },
    /// Access tokens for the application as an API are for this in its place, or for the application again.
    AccessTokenAudience {
        /// Another audience.
        audience: Option<String>,
    },
    /// A code or refresh token that comes twice revokes the user's sessions. Entra does not do so.
    RevokeOnReplay {
        /// Whether it does.
        is_enabled: bool,
    },
    /// Everything is as on the first day.
    Reset,
}

impl DevTenant {
    /// Does something.
    ///
    /// # Errors
    ///
    /// Nobody has the user name.
    pub fn control(
        &mut self,
        control: Control,
        now: entra_mcp_wire::time::UnixTime,
    ) -> Result<(), String> {
        match control {
            Control::TokenError(fault) => self.faults.add_token(fault),
            Control::GraphError(fault) => self.faults.add_graph(fault),
            Control::IdTokenFault { fault } => self.faults.add_id_token(fault),
            Control::AccessTokenFault { fault } => self.faults.add_access_token(fault),
            Control::IdentityError(fault) => self.faults.add_identity(fault),
            Control::GroupClaims(claims) => self.settings.group_claims = claims,
            Control::NextLinkOrigin { origin } => self.settings.next_link_origin = origin,
            Control::AppIdUri { uri } => self.settings.app_id_uris.push(uri),
            Control::Latency { milliseconds, path } => {
                self.settings.latency = (milliseconds > 0).then_some((milliseconds, path));
            }
            Control::RotateKeys {
                is_emergency,
                late_seconds,
            } => {
                let now = self.clock(now);
                self.signing.rotate(is_emergency, late_seconds, now);
            }
            Control::ClockOffset { seconds } => self.settings.clock_offset = seconds,
            Control::ResourcePolicy { policy } => self.settings.resource_policy = policy,
            Control::SecretExpired { is_expired } => self.settings.is_secret_expired = is_expired,
            Control::RegisterCertificate { certificate } => {
                let registered = RegisteredCertificate::read(&certificate)?;
                self.settings.certificates.push(registered);
            }
            Control::FederatedCredential(credential) => {
                let now = self.clock(now);
                self.federate(credential, now);
            }
            Control::RefuseReusedAssertions { is_enabled } => {
                self.settings.refuses_reused_assertions = is_enabled;
            }
            Control::ExpiresIn { seconds } => self.settings.expires_in = Some(seconds),
            Control::AccessTokenVersion { version } => {
                self.settings.issues_v1_tokens = version == 1;
            }
            Control::AccessTokenAudience { audience } => {
                self.settings.access_token_audience = audience;
            }
            Control::SignInAudience { audience } => self.settings.sign_in_audience = audience,
            Control::RevokeOnReplay { is_enabled } => self.settings.revokes_on_replay = is_enabled,
            Control::Reset => self.reset(),
            Control::Revoke { username } => {
                let now = self.clock(now);
                self.account(&username)?.revoke(now);
            }
            Control::Disable { username } => {
                self.account(&username)?.status = AccountStatus::Disabled;
            }
            Control::Enable { username } => self.account(&username)?.status = AccountStatus::Active,
            Control::Block { username } => self.account(&username)?.status = AccountStatus::Blocked,
            Control::Unassign { username } => {
                self.account(&username)?.status = AccountStatus::Unassigned;
            }
            Control::SecondFactor {
                username,
                is_needed,
            } => self.account(&username)?.needs_second_factor = is_needed,
            Control::GraphContext { username, context } => {
                self.account(&username)?.graph_context = context;
            }
            Control::Groups { username, groups } => self.account(&username)?.groups = groups,
            Control::Roles { username, roles } => self.account(&username)?.roles = roles,
            Control::ClearConsent { username } => self.account(&username)?.consented.clear(),
        }
        Ok(())
    }

    fn account(&mut self, username: &str) -> Result<&mut Account, String> {
        let account = self.directory.by_username_mut(username);
        account.ok_or_else(|| format!("Nobody is called {username}."))
    }

    /// As on the first day; but epochs never go redirect, or old tokens would come to life.
    fn reset(&mut self) {
        let mut directory = Directory::new(&self.people);
        for account in self.directory.all() {
            if let Some(fresh) = directory.by_oid_mut(account.user.oid) {
                fresh.epoch = account.epoch;
                fresh.valid_from = account.valid_from;
            }
        }
        self.directory = directory;
        self.faults = super::faults::Faults::default();
        self.devices = super::device_code::Devices::default();
        self.settings = super::Settings::default();
        self.log = super::log::Log::default();
    }

    /// `/control` and `/control/requests`
    pub(super) fn controlled(
        &mut self,
        cx: &RequestContext<'_>,
        now: entra_mcp_wire::time::UnixTime,
    ) -> Response<Bytes> {
        let origin = cx.header("origin");
        if cx.is_cross_site() || !(origin.is_empty() || origin == self.config.origin) {
            return pages::forbidden();
        }
        match (cx.method, cx.path) {
            (&Method::GET, "/control") => response::json(StatusCode::OK, &self.state()),
            (&Method::GET, "/control/requests") => response::json(StatusCode::OK, &self.requests()),
            (&Method::POST, "/control") => self.set(cx, now),
            _ => response::not_found(),
        }
    }

    fn set(
        &mut self,
        cx: &RequestContext<'_>,
        now: entra_mcp_wire::time::UnixTime,
    ) -> Response<Bytes> {
        // `curl -d` says of JSON that it is a form.
        let is_json = matches!(cx.body.first(), Some(b'{' | b'['));
        let is_form = !is_json && cx.form.iter().next().is_some();
        let controls = if is_form {
            serde_json::from_value(from_form(cx)).map(|control| vec![control])
        } else {
            match cx.body.first() {
                Some(b'[') => serde_json::from_slice(cx.body),
                _ => serde_json::from_slice(cx.body).map(|control| vec![control]),
            }
        };
        let done = controls
            .map_err(|error| error.to_string())
            .and_then(|all: Vec<Control>| {
                all.into_iter()
                    .try_for_each(|control| self.control(control, now))
            });
        match done {
            Err(error) => response::json(StatusCode::BAD_REQUEST, &json!({"error": error})),
            Ok(()) if is_form => response::see_other("/"),
            Ok(()) => response::json(StatusCode::OK, &self.state()),
        }
    }

    fn state(&self) -> Value {
        let users: Vec<_> = (self.directory.all().iter())
            .map(|account| {
                json!({
                    "username": account.user.username,
                    "oid": account.user.oid,
                    "note": account.user.note,
                    "status": account.status.name(),
                    "needs_second_factor": account.needs_second_factor,
                    "consented": account.consented,
                })
            })
            .collect();
        let [token, graph, id_token] = self.faults.pending();
        json!({
            "users": users,
            "pending": {"token_error": token, "graph_error": graph, "id_token_fault": id_token},
            "clock_offset": self.settings.clock_offset,
            "signing_key": self.signing.key().kid,
        })
    }
}

/// A form as the JSON that it stands for: numbers and booleans are recognised by their form.
fn from_form(cx: &RequestContext<'_>) -> Value {
    let fields = cx.form.iter().filter(|(_, value)| !value.is_empty());
    let members = fields.map(|(name, value)| {
        let plain = match value {
            "true" => json!(true),
            "false" => json!(false),
            _ => value
                .parse::<i64>()
                .map_or_else(|_| json!(value), |number| json!(number)),
        };
        (name.to_owned(), plain)
    });
    Value::Object(members.collect::<Map<_, _>>())
}
