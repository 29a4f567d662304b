//! Who the client of a token request is, what it may do, and how it proves who it is.
//!
//! Source: Microsoft identity platform, "Application authentication" and "Public client and confidential client
//! applications"; RFC 6749 section 2.3.1.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entra_mcp_wire::secret::constant_time_equal;
use http::header;
use serde::{Deserialize, Serialize};

use super::{
    AGENT_ID, BLUEPRINT_ID, BLUEPRINT_SECRET, CLIENT_ID, CLIENT_SECRET, COMMAND_LINE_ID, DAEMON_ID,
    DAEMON_SECRET, DevTenant, aadsts_error::AadstsError, request_context::RequestContext,
    token::GrantType,
};

/// An application of the tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Client {
    /// This server.
    #[default]
    Application,
    /// A public client: a user's command line, which gets tokens for the application as an API.
    CommandLine,
    /// A confidential client without a user.
    Daemon,
    /// What agents are made from: it gets the tokens by which they prove who they are.
    Blueprint,
    /// An agent of that blueprint.
    Agent,
}

impl Client {
    const ALL: [Self; 5] = [
        Self::Application,
        Self::CommandLine,
        Self::Daemon,
        Self::Blueprint,
        Self::Agent,
    ];

    /// The one of this client id.
    pub(super) fn find(client_id: &str) -> Result<Self, AadstsError> {
        let mut all = Self::ALL.into_iter();
        all.find(|client| client.id().eq_ignore_ascii_case(client_id))
            .ok_or_else(|| AadstsError::unknown_client(client_id))
    }

    /// The one that a token request names.
    pub(super) fn of(cx: &RequestContext<'_>) -> Result<Self, AadstsError> {
        let in_form = cx.form.one("client_id").ok().flatten().map(str::to_owned);
        let client_id = in_form
            .or_else(|| basic(cx).map(|(id, _)| id))
            .ok_or_else(|| AadstsError::missing("client_id"))?;
        Self::find(&client_id)
    }

    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Application => CLIENT_ID,
            Self::CommandLine => COMMAND_LINE_ID,
            Self::Daemon => DAEMON_ID,
            Self::Blueprint => BLUEPRINT_ID,
            Self::Agent => AGENT_ID,
        }
    }

    /// Whether users sign in to it, in a browser.
    pub(super) const fn has_users(self) -> bool {
        matches!(self, Self::Application | Self::CommandLine)
    }

    /// Whether it may use a grant.
    pub(super) const fn may_use(self, grant_type: GrantType) -> bool {
        match grant_type {
            GrantType::Code | GrantType::DeviceCode => self.has_users(),
            GrantType::Refresh => self.has_users() || matches!(self, Self::Agent),
            GrantType::ClientCredentials => !matches!(self, Self::CommandLine),
            GrantType::OnBehalfOf => matches!(self, Self::Application | Self::Agent),
            GrantType::Password => matches!(self, Self::CommandLine),
            GrantType::AgentUser => matches!(self, Self::Agent),
        }
    }

    /// How it proved who it is, as the claim `azpacr` has it.
    pub(super) const fn proof(self) -> &'static str {
        match self {
            Self::CommandLine => "0",
            Self::Application | Self::Daemon | Self::Blueprint => "1",
            Self::Agent => "2",
        }
    }
}

/// The id and secret of `Authorization: Basic`, each form-encoded.
fn basic(cx: &RequestContext<'_>) -> Option<(String, String)> {
    let value = cx.header(header::AUTHORIZATION.as_str());
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id), decode(secret)))
}

fn decode(text: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// Only single-page applications redeem from a web page.
pub(super) fn not_from_a_page(cx: &RequestContext<'_>) -> Result<(), AadstsError> {
    let origin = cx.header(header::ORIGIN.as_str());
    if !origin.is_empty() {
        let text = format!(
            "Cross-origin token redemption is permitted only for the 'Single-Page Application' \
             client-type. Request origin: '{origin}'."
        );
        return Err(AadstsError::new("invalid_request", 9_002_326, text));
    }
    Ok(())
}

impl DevTenant {
    /// The client proves who it is.
    pub(super) fn authenticate(
        &mut self,
        client: Client,
        cx: &RequestContext<'_>,
    ) -> Result<(), AadstsError> {
        let one = |name| cx.form.one(name).ok().flatten();
        let assertion = one("client_assertion");
        match client {
            Client::Application => match assertion {
                Some(assertion) => {
                    self.check_assertion(one("client_assertion_type"), assertion, cx.now)
                }
                None => check_secret(cx, client, CLIENT_SECRET, self.settings.is_secret_expired),
            },
            Client::CommandLine => {
                if assertion.is_none() && secret_of(cx).is_none() {
                    return Ok(());
                }
                let text = "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.";
                Err(AadstsError::new("invalid_client", 700_025, text))
            }
            Client::Daemon => check_secret(cx, client, DAEMON_SECRET, false),
            Client::Blueprint => check_secret(cx, client, BLUEPRINT_SECRET, false),
            Client::Agent => self.check_agent(assertion, cx),
        }
    }
}

fn secret_of(cx: &RequestContext<'_>) -> Option<String> {
    let in_form = cx.form.one("client_secret").ok().flatten();
    in_form
        .map(str::to_owned)
        .or_else(|| basic(cx).map(|(_, secret)| secret))
}

/// The client proves who it is, by its secret.
fn check_secret(
    cx: &RequestContext<'_>,
    client: Client,
    secret: &str,
    is_expired: bool,
) -> Result<(), AadstsError> {
    let client_id = client.id();
    let Some(presented) = secret_of(cx) else {
        let text = "The request body must contain the following parameter: 'client_assertion' or \
                    'client_secret'.";
        return Err(AadstsError::new("invalid_client", 7_000_218, text));
    };
    if !constant_time_equal(presented.as_bytes(), secret.as_bytes()) {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the \
             client secret value, not the client secret ID, for a secret added to app \
             '{client_id}'."
        );
        return Err(AadstsError::new("invalid_client", 7_000_215, text));
    }
    if is_expired {
        let text = format!(
            "The provided client secret keys for app '{client_id}' are expired. Visit the Azure \
             portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider \
             using certificate credentials for added security: https://aka.ms/certCreds."
        );
        return Err(AadstsError::new("invalid_client", 7_000_222, text));
    }
    Ok(())
}
