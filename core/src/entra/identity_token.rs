//! The job that fetches a token of the managed identity, and hands it to the hub.
//!
//! ```text
//! AwaitingToken --read-------------------------------------------> sent to the hub
//!     \--Azure Arc asks for a proof--> AwaitingKey --> AwaitingToken, once more
//!     \--anything else--> the hub is told that the fetch failed
//! ```
//!
//! Source: Microsoft, "How to use managed identities for Azure resources on an Azure VM to acquire an access token"; App
//! Service, "Connect to Azure services in app code"; Azure Arc, "Authenticate against Azure resources with Azure
//! Arc-enabled servers".

#[cfg(test)]
mod tests;

use ::http::{HeaderMap, Request, StatusCode, header, request::Builder};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::{
    ask::{Ask, Awaiting, ClientAssertion, Fetch, FetchTarget},
    config::{ClientCredential, IdentityHost, ManagedIdentity},
    event::Answer,
    hub::{IdentityTokenMessage, ToHub, ToHubKind},
    identity_token::IdentityToken,
    limits,
    log_event::{Field, LogEvent, LogEventId},
    secret::Secret,
    step::{Cx, Progress},
};

/// What is waited for.
#[derive(Debug)]
pub(crate) enum FetchIdentityToken {
    /// The machine is asked for a token.
    AwaitingToken(Awaiting<Fetch>, Proof),
    /// The runtime reads the file that the agent of Azure Arc named.
    AwaitingKey(Awaiting<ClientAssertion>),
}

/// Whether the agent of Azure Arc has been shown that its files can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    NotSent,
    Sent,
}

/// Why there is no token.
struct Problem {
    /// In words.
    reason: &'static str,
    /// As the machine says it: a code, if it is one.
    error: String,
}

impl From<&'static str> for Problem {
    fn from(reason: &'static str) -> Self {
        let error = String::new();
        Self { reason, error }
    }
}

impl FetchIdentityToken {
    pub(crate) fn start(cx: &mut Cx<'_>) -> Progress<Self> {
        Self::ask(None, cx)
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::AwaitingToken(awaiting, proof) => {
                Self::received(awaiting.into_answer(answer), proof, cx)
            }
            Self::AwaitingKey(awaiting) => match awaiting.into_answer(answer) {
                Ok(key) => Self::ask(Some(&key), cx),
                Err(fault) => fail(fault.as_str().into(), cx),
            },
        }
    }

    fn ask(key: Option<&Secret<String>>, cx: &mut Cx<'_>) -> Progress<Self> {
        let entra = &cx.env.server.config.entra;
        let fetch = match &entra.credential {
            ClientCredential::ManagedIdentity(identity) => {
                request(identity, entra.token_exchange_audience(), key)
            }
            _ => None,
        };
        let Some(fetch) = fetch else {
            return fail("no managed identity is set".into(), cx);
        };
        let proof = if key.is_some() {
            Proof::Sent
        } else {
            Proof::NotSent
        };
        Progress::Pending(Self::AwaitingToken(cx.fetch(fetch), proof))
    }

    fn received(answer: <Fetch as Ask>::Answer, proof: Proof, cx: &mut Cx<'_>) -> Progress<Self> {
        let entra = &cx.env.server.config.entra;
        let ClientCredential::ManagedIdentity(identity) = &entra.credential else {
            return fail("no managed identity is set".into(), cx);
        };
        let response = match answer {
            Ok(response) => response,
            Err(fault) => {
                let reason = identity.host.unreachable();
                let error = fault.as_str().to_owned();
                return fail(Problem { reason, error }, cx);
            }
        };
        let is_arc = matches!(identity.host, IdentityHost::Arc { .. });
        if is_arc && proof == Proof::NotSent && response.status() == StatusCode::UNAUTHORIZED {
            return match challenge(response.headers()) {
                Some(path) => {
                    let awaiting = cx.assert(ClientAssertion::ArcKey(path));
                    Progress::Pending(Self::AwaitingKey(awaiting))
                }
                None => fail("the agent of Azure Arc names no file to read".into(), cx),
            };
        }
        if response.status() != StatusCode::OK {
            return fail(refused(response.status(), response.body()), cx);
        }
        let named = is_arc.then(|| identity.client_id());
        match IdentityToken::read(response.body(), named, cx.env.now) {
            Ok(token) => {
                cx.log(LogEventId::EntraManagedIdentityFetched);
                report(Some(Box::new(token)), cx)
            }
            Err(reason) => fail(reason.into(), cx),
        }
    }
}

impl IdentityHost {
    /// What it means that nobody answers.
    fn unreachable(&self) -> &'static str {
        match self {
            Self::InstanceMetadata { .. } => {
                "the instance metadata service does not answer: does this machine run in Azure, and may it reach \
                 169.254.169.254?"
            }
            Self::AppService { .. } => "the address of IDENTITY_ENDPOINT does not answer",
            Self::Arc { .. } => "the agent of Azure Arc does not answer",
        }
    }
}

/// The request for a token for this audience.
pub(super) fn request(
    identity: &ManagedIdentity,
    audience: &str,
    key: Option<&Secret<String>>,
) -> Option<Fetch> {
    let at = |endpoint: &Url, version: &str| {
        let mut address = endpoint.clone();
        let mut query = address.query_pairs_mut();
        query
            .append_pair("api-version", version)
            .append_pair("resource", audience)
            .append_pair("client_id", identity.client_id());
        drop(query);
        Request::get(address.as_str())
    };
    let metadata = |request: Builder| request.header("metadata", "true");
    let request = match &identity.host {
        IdentityHost::InstanceMetadata { endpoint } => {
            let address = endpoint
                .url()
                .join("/metadata/identity/oauth2/token")
                .ok()?;
            metadata(at(&address, "2018-02-01"))
        }
        IdentityHost::AppService { endpoint, header } => {
            at(endpoint.url(), "2019-08-01").header("x-identity-header", header.expose())
        }
        IdentityHost::Arc { endpoint } => metadata(at(endpoint.url(), "2020-06-01")),
    };
    let request = match key {
        Some(key) => request.header(header::AUTHORIZATION, format!("Basic {}", key.expose())),
        None => request,
    };
    Some(Fetch {
        target: FetchTarget::Configured(request.body(Bytes::new()).ok()?),
        body_limit: limits::FETCH_BODY_BYTES,
        within: limits::FETCH_TIMEOUT,
        kept_open: None,
    })
}

/// The path of the file that the agent of Azure Arc wants read: `Basic realm=/var/opt/azcmagent/tokens/NAME.key`.
pub(super) fn challenge(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::WWW_AUTHENTICATE)?.to_str().ok()?;
    let (scheme, realm) = value.split_once(' ')?;
    let (name, path) = realm.trim().split_once('=')?;
    let is_it = scheme.eq_ignore_ascii_case("basic") && name.eq_ignore_ascii_case("realm");
    is_it.then(|| path.trim_matches('"').to_owned())
}

/// What an answer other than 200 means.
fn refused(status: StatusCode, body: &[u8]) -> Problem {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = body.get("error");
    let error = error.and_then(|error| error.as_str().or_else(|| error.get("code")?.as_str()));
    // A code; sentences of the platform, which may name what they like, go nowhere.
    let is_code = |text: &&str| {
        text.len() <= 64
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let error = error.filter(is_code);
    let reason = match status {
        StatusCode::BAD_REQUEST => {
            "the machine has no such identity, or it was assigned a moment ago: assign the user-assigned identity to \
             this machine, and set its client id"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the machine does not let this server ask: on Azure Arc its user must be in the group himds"
        }
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::TOO_MANY_REQUESTS => {
            "the machine cannot give out tokens at the moment"
        }
        status if status.is_server_error() => "the machine cannot give out tokens at the moment",
        _ => "the machine did not give out a token",
    };
    Problem {
        reason,
        error: error.map_or_else(|| format!("HTTP {}", status.as_u16()), str::to_owned),
    }
}

fn fail(problem: Problem, cx: &mut Cx<'_>) -> Progress<FetchIdentityToken> {
    let mut event = LogEvent::new(LogEventId::EntraManagedIdentityUnavailable)
        .with_text(Field::Reason, problem.reason);
    if !problem.error.is_empty() {
        event = event.with(Field::Error, problem.error);
    }
    cx.log(event);
    report(None, cx)
}

fn report(token: Option<Box<IdentityToken>>, cx: &mut Cx<'_>) -> Progress<FetchIdentityToken> {
    cx.to_hub(ToHub(ToHubKind::IdentityToken(
        IdentityTokenMessage::Fetched(token),
    )));
    Progress::Ready(())
}
