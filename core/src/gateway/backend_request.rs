//! A request to the backend, and what proves there who calls.

use std::{sync::Arc, time::Duration};

use ::http::Method;

use super::{
    CredentialGuard, GivenCredentials, ProcessOwner, UserHeaders, assertion::AssertionClaims,
};
use crate::{config::Gateway, endpoint::Endpoint, limits, revision::Revision, secret::Secret};

/// What proves to a backend who calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    assertion: Option<Arc<Secret<String>>>,
    /// What that says, to say it again later.
    claims: Option<Arc<AssertionClaims>>,
    /// The user's access token of Entra's for the backend's own application.
    token: Option<Arc<Secret<String>>>,
    /// What only describes the user.
    headers: Option<Arc<UserHeaders>>,
    /// Who calls, for a process that is theirs.
    owner: Option<Arc<ProcessOwner>>,
    /// What else the backend was given lately in the same session.
    given: GivenCredentials,
}

impl Credentials {
    /// Of whoever a process belongs to.
    pub(crate) fn of_owner(owner: ProcessOwner) -> Self {
        Self {
            owner: Some(Arc::new(owner)),
            ..Self::default()
        }
    }

    /// With this assertion, too.
    pub(crate) fn with_assertion(self, assertion: Arc<Secret<String>>) -> Self {
        let assertion = Some(assertion);
        Self { assertion, ..self }
    }

    /// What the assertion says.
    pub(crate) fn with_claims(self, claims: Arc<AssertionClaims>) -> Self {
        let claims = Some(claims);
        Self { claims, ..self }
    }

    /// What an assertion says, if there is one.
    pub(crate) fn claims(&self) -> Option<&Arc<AssertionClaims>> {
        self.claims.as_ref()
    }

    /// With this access token of Entra's, too.
    pub(crate) fn with_token(self, token: Arc<Secret<String>>) -> Self {
        let token = Some(token);
        Self { token, ..self }
    }

    /// With these headers, too.
    pub(crate) fn with_headers(self, headers: UserHeaders) -> Self {
        let headers = Some(Arc::new(headers));
        Self { headers, ..self }
    }

    /// What else the backend was given lately in the same session.
    pub(crate) fn with_given(self, given: GivenCredentials) -> Self {
        Self { given, ..self }
    }

    /// Whose a process is.
    pub(crate) fn owner(&self) -> Option<&Arc<ProcessOwner>> {
        self.owner.as_ref()
    }

    /// The assertion.
    pub(crate) fn assertion(&self) -> Option<&Arc<Secret<String>>> {
        self.assertion.as_ref()
    }

    /// The access token of Entra's.
    pub(crate) fn token(&self) -> Option<&Arc<Secret<String>>> {
        self.token.as_ref()
    }

    /// The headers that only describe the user.
    pub(crate) fn headers(&self) -> Option<&UserHeaders> {
        self.headers.as_deref()
    }

    /// Finds what is sent with a request in what comes back, and what was sent with others of the same session.
    pub(crate) fn guard(&self, gateway: &Gateway) -> CredentialGuard {
        let mut guard = CredentialGuard::default();
        for sent in self.assertion.iter().chain(&self.token) {
            guard.add(Arc::clone(sent));
        }
        let sent = [&self.assertion, &self.token].map(Option::as_ref);
        let is_sent = |one: &Arc<Secret<String>>| {
            let mut sent = sent.iter().flatten();
            sent.any(|sent| Arc::ptr_eq(sent, one) || sent.expose() == one.expose())
        };
        for given in self.given.all().filter(|one| !is_sent(one)) {
            guard.add(Arc::clone(given));
        }
        if let Some(header) = &gateway.header {
            guard.add(Arc::new(header.value().clone()));
        }
        guard
    }
}

/// A request of the MCP endpoint.
#[derive(Clone)]
pub(crate) struct BackendRequest {
    pub(crate) method: Method,
    /// The backend's session, if it has given it a name.
    pub(crate) session: Option<Arc<str>>,
    /// The revision that was agreed on; none yet for `initialize`.
    pub(crate) revision: Option<Revision>,
    /// What 2026-07-28 repeats in headers: the method, and what is named.
    pub(crate) routed_by: Option<(String, Option<String>)>,
    /// The headers that repeat arguments there, and what they repeat.
    pub(crate) header_params: Vec<(String, String)>,
    pub(crate) body: String,
    /// Whether a session begins with it: it is sent to a process of its own, if the backend is one.
    pub(crate) begins: bool,
    /// How long it may take; as long as a call, if nothing is said.
    pub(crate) within: Option<Duration>,
    /// Whether the answer is a stream on which nothing may come for long.
    pub(crate) listens: bool,
    /// The event after which a stream is to go on.
    pub(crate) after: Option<String>,
}

/// Who knows the name of a session may use it, and what is said in it is its user's.
impl std::fmt::Debug for BackendRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackendRequest")
            .field("method", &self.method)
            .field("is_of_session", &self.session.is_some())
            .field("revision", &self.revision)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl BackendRequest {
    /// A message that is posted.
    pub(crate) fn post(session: Option<Arc<str>>, revision: Revision, body: String) -> Self {
        Self {
            method: Method::POST,
            session,
            revision: Some(revision),
            routed_by: None,
            header_params: Vec::new(),
            body,
            begins: false,
            within: None,
            listens: false,
            after: None,
        }
    }
}

/// Which of all that backends are told something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TellingName(pub(crate) u64);

/// What a backend is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TellingKind {
    /// An answer that this server gives at once: to `ping`, or that nobody can be asked.
    AtOnce,
    /// What a client has answered or said, or that it waits for something no longer.
    OfClient,
    /// That a session is over.
    SessionOver,
}

/// Something that the backend is told and that needs no answer, and as whom.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) kind: TellingKind,
    /// How much else of the same session was dropped before.
    pub(crate) dropped: u64,
    /// At which endpoint that backend is.
    pub(crate) endpoint: Endpoint,
    pub(crate) request: BackendRequest,
    pub(crate) credentials: Credentials,
}

impl Telling {
    /// A message within a session.
    pub(crate) fn message(
        kind: TellingKind,
        endpoint: Endpoint,
        request: BackendRequest,
        credentials: Credentials,
    ) -> Box<Self> {
        Box::new(Self {
            kind,
            dropped: 0,
            endpoint,
            request: BackendRequest {
                within: Some(limits::BACKEND_OPENING),
                ..request
            },
            credentials,
        })
    }

    /// That a session is over, which its user may have left already: nobody is named.
    pub(crate) fn session_over(
        endpoint: Endpoint,
        session: Option<Arc<str>>,
        revision: Revision,
    ) -> Self {
        Self {
            kind: TellingKind::SessionOver,
            dropped: 0,
            endpoint,
            request: BackendRequest {
                method: Method::DELETE,
                within: Some(limits::BACKEND_OPENING),
                ..BackendRequest::post(session, revision, String::new())
            },
            credentials: Credentials::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::RawMessage;

    #[test]
    fn nothing_of_a_session_is_printed() {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a-tool"}}"#;
        let revision = Revision::V2025_11_25;
        let request = BackendRequest::post(Some("a-session".into()), revision, body.to_owned());
        let message = RawMessage::read(body).unwrap();
        let printed = format!("{request:?} {message:?}");
        assert!(printed.contains("tools/call"), "{printed}");
        assert!(!printed.contains("a-session"), "{printed}");
        assert!(!printed.contains("a-tool"), "{printed}");
    }
}
