//! The `authorization_code` grant (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
//!
//! ```text
//! Spending --read, and good--> Spending --written--> tokens
//!    |  |                         | conflict: read again, and there the code is spent
//!    |  \--spent already--> Ending --deleted--> invalid_grant
//!    \--anything else--> invalid_grant
//! ```
//!
//! The code is spent by a guarded write, so of any number of redemptions at once one succeeds, on
//! any number of replicas (threat E3). A code that is seen twice, with its verifier, ends what it gave
//! (threat E2). Redeeming seals the session anew: what the code opened before, it opens no more (threat
//! G3).

use super::response::{fail, grant, invalid_grant, refuse};
use crate::{
    ask::{Stored, Version},
    event::Answer,
    fault::Fault,
    http::form::Form,
    limits,
    log_event::LogEventId,
    oauth::{
        client::AuthenticatedClient,
        error::{OAuthError, Refusal},
        opaque_token::{self, OpaqueToken},
        pkce, resource,
    },
    planted::Planted,
    redirect_uri::RedirectUri,
    secret::Secret,
    session::{
        ending::EndingSession,
        record::{Outline, Refresh, Session, SpentCode},
        sealed::SealedSession,
        token::Granted,
        update::{Attempt, Update, Updated},
    },
    step::{Cx, Progress},
};

/// A redemption under way.
#[derive(Debug)]
pub(crate) struct CodeGrant {
    request: CodeRequest,
    state: State,
}

/// What the client sent.
#[derive(Debug)]
struct CodeRequest {
    client: AuthenticatedClient,
    code: OpaqueToken,
    /// `None` of a client that left PKCE out, as it may.
    code_verifier: Option<Secret<String>>,
    redirect_uri: Option<String>,
    resource: Option<String>,
}

#[derive(Debug)]
enum State {
    /// Its session is read; then the code is spent.
    Spending(Update<Box<Redeemed>>),
    Ending(EndingSession),
}

/// What the client gets once the code is spent.
#[derive(Debug)]
struct Redeemed {
    session: Session,
    /// For the resource that the client asked for.
    granted: Granted,
    refresh_token: OpaqueToken,
}

impl CodeGrant {
    pub(super) fn start(
        form: &Form,
        client: AuthenticatedClient,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let missing = |description| Refusal::new(OAuthError::InvalidRequest, description);
        let code = form.one("code")?.ok_or(missing("code is missing."))?;
        let code_verifier = form.one("code_verifier")?;
        if code_verifier.is_none() && !client.may_omit_pkce() {
            return Err(missing("code_verifier is missing."));
        }
        let code = opaque_token::read_code(code, &cx.env.server.keys);
        let request = CodeRequest {
            client,
            code: code.ok_or_else(invalid_grant)?,
            code_verifier: code_verifier.map(|verifier| Secret::new(verifier.to_owned())),
            redirect_uri: form.one("redirect_uri")?.map(str::to_owned),
            resource: resource::of_token_request(form, &cx.env.server.config.public_url)?,
        };
        let state = State::Spending(Update::read(request.code.session_id, cx));
        Ok(request.waiting(state))
    }

    /// The redemption of the code that a user's browser has brought for a device. `None` if it is no code of ours.
    pub(super) fn of_device(
        client: AuthenticatedClient,
        code: &Secret<String>,
        device_code: Secret<String>,
        resource: Option<String>,
        cx: &mut Cx<'_>,
    ) -> Option<Progress<Self>> {
        let request = CodeRequest {
            client,
            code: opaque_token::read_code(code.expose(), &cx.env.server.keys)?,
            code_verifier: Some(device_code),
            redirect_uri: None,
            resource,
        };
        let state = State::Spending(Update::read(request.code.session_id, cx));
        Some(request.waiting(state))
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let Self { request, state } = self;
        match state {
            State::Spending(update) => match update.handle(answer, cx) {
                Progress::Pending(update) => request.waiting(State::Spending(update)),
                Progress::Ready(Ok(Updated::Read(stored, attempt))) => {
                    request.read(stored, attempt, cx)
                }
                Progress::Ready(Ok(Updated::Written(redeemed))) => {
                    redeemed.session.audit(cx);
                    cx.audit(LogEventId::CodeRedeemed);
                    let refresh_token = &redeemed.refresh_token;
                    grant(&redeemed.session, &redeemed.granted, refresh_token, cx)
                }
                Progress::Ready(Err(_)) => fail(Fault::Store, cx),
            },
            State::Ending(ending) => match ending.handle(answer, cx) {
                Ok(()) => refuse(invalid_grant(), cx),
                Err(fault) => fail(fault, cx),
            },
        }
    }
}

impl CodeRequest {
    fn waiting(self, state: State) -> Progress<CodeGrant> {
        Progress::Pending(CodeGrant {
            request: self,
            state,
        })
    }

    fn read(
        self,
        stored: Option<Stored>,
        attempt: Attempt,
        cx: &mut Cx<'_>,
    ) -> Progress<CodeGrant> {
        let keys = &cx.env.server.keys;
        let Some(stored) = stored else {
            return refuse(invalid_grant(), cx);
        };
        let Some(sealed) = SealedSession::read(self.code.session_id, &stored, keys) else {
            return refuse(invalid_grant(), cx);
        };
        if !self.client.is(&sealed.outline().client) {
            return refuse(invalid_grant(), cx);
        }
        if self.is_replayed(sealed.outline(), cx) {
            sealed.outline().client.audit(cx);
            cx.log(LogEventId::CodeReplayed);
            let ending = EndingSession::start(self.code.session_id, sealed.outline(), cx);
            return self.waiting(State::Ending(ending));
        }
        let share = self.code.share();
        let Some((session, version)) = sealed.open(&share, cx.env.server) else {
            return refuse(invalid_grant(), cx);
        };
        let (granted, public_url) = (&session.resource, &cx.env.server.config.public_url);
        let resource = self
            .verify_code(&session, cx)
            .and_then(|()| resource::narrow(granted, self.resource.as_deref(), public_url));
        match resource {
            Ok(resource) => self.redeem(session, version, resource, attempt, cx),
            Err(refusal) => refuse(refusal, cx),
        }
    }

    /// Whether the verifier is that of the code's challenge, or both are left out.
    fn fits(&self, code_challenge: Option<&str>, cx: &Cx<'_>) -> bool {
        let verifier = self.code_verifier.as_ref();
        let is_planted =
            self.redirect_uri.is_none() && cx.env.server.has(Planted::DeviceCodesShared);
        is_planted
            || pkce::fits(
                verifier.map(|verifier| verifier.expose().as_str()),
                code_challenge,
            )
    }

    /// Whether the code was redeemed already, by a client that has its verifier: a code that was seen in a
    /// browser's history alone ends nothing. Where the clock was set back it is remembered for longer.
    fn is_replayed(&self, outline: &Outline, cx: &Cx<'_>) -> bool {
        let now = cx.env.now.unix;
        outline.spent_code.as_ref().is_some_and(|spent| {
            spent.hash == self.code.hash
                && now < spent.redeemed.after(limits::SPENT_CODE_MEMORY)
                && self.fits(spent.code_challenge.as_deref(), cx)
        })
    }

    /// Whether this is the session's code, in time, where it was sent, and with its verifier.
    fn verify_code(&self, session: &Session, cx: &Cx<'_>) -> Result<(), Refusal> {
        let code = session.code.as_ref().ok_or_else(invalid_grant)?;
        let redirect_uri = RedirectUri::parse(&code.redirect_uri).ok_or_else(invalid_grant)?;
        let lifetime = cx.env.server.config.code_lifetime(&redirect_uri);
        let is_in_time = code
            .expires
            .is_ahead(lifetime, cx.env.now.unix, limits::CLOCK_LEEWAY);
        // OAuth 2.1 dropped the parameter: it is compared where it is sent (OAuth 2.1 section
        // 4.1.3).
        let same_place = self
            .redirect_uri
            .as_ref()
            .is_none_or(|sent| *sent == code.redirect_uri);
        let proven = self.fits(code.code_challenge.as_deref(), cx);
        if !(code.hash == self.code.hash && is_in_time && same_place && proven) {
            return Err(invalid_grant());
        }
        Ok(())
    }

    /// Spends the code. Its share was in a browser, so from now on it opens nothing.
    fn redeem(
        self,
        mut session: Session,
        version: Version,
        resource: String,
        attempt: Attempt,
        cx: &mut Cx<'_>,
    ) -> Progress<CodeGrant> {
        let (server, now) = (cx.env.server, cx.env.now.unix);
        let Some(code) = session.code.take() else {
            return refuse(invalid_grant(), cx);
        };
        if session.change_key(&server.keys, cx.entropy).is_none() {
            return refuse(invalid_grant(), cx);
        }
        session.outline.spent_code = Some(SpentCode {
            hash: code.hash,
            code_challenge: code.code_challenge,
            redeemed: now,
        });
        let refresh_token = opaque_token::new_refresh_token(session.id, cx.entropy, &server.keys);
        session.refresh = Some(Refresh::first(refresh_token.hash, now));
        session.open_only_to(&refresh_token.share(), server);
        let update = Update::write(&session, version, attempt, cx);
        let granted = Granted {
            resource,
            ..Granted::whole(&session)
        };
        let redeemed = Box::new(Redeemed {
            session,
            granted,
            refresh_token,
        });
        self.waiting(State::Spending(update.then(redeemed)))
    }
}
