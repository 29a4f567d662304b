//! From method and path to the first state, and the enum of all states.

use bytes::Bytes;
use entra_mcp_http1::RequestHead;

use super::{rate_limited, readiness::ReadinessCheck};
use crate::{
    admit::{
        Admitted,
        bearer::{self, Credential},
        cors,
    },
    backend::{
        check::CheckBackend, key_set::KeySet, probe::ProbeBackend,
        read_signing_keys::ReadSigningKeys, stdio_server::StdioServer, tell::TellBackend,
    },
    catalog::ClientCapabilities,
    entra::{
        credential_check::CredentialCheck, discovery::FetchMetadata,
        identity_token::FetchIdentityToken,
    },
    event::{Answer, Input},
    http::response,
    hub::{Job, JobKind},
    mcp::{
        announcements::KeepAnnouncements, authenticate::Authenticate, client_params,
        http_sse::PostMessage, sse_stream::Stream, streamable_http::Streamable,
    },
    oauth::{
        self,
        callback::Callback,
        connections::Connections,
        consent::Consent,
        device_authorization::DeviceAuthorizationRequest,
        device_verification::DeviceVerification,
        document_fetch::{ClientFile, FetchClientFile},
        revoke::Revoke,
        step_up::StepUpPage,
        token::Token,
    },
    opened_session::OpenedSession,
    pages,
    revision::Revision,
    route::Route,
    step::{Cx, Progress},
};

/// What an exchange is doing. Requests that are answered at once have no state.
#[derive(Debug)]
pub(crate) enum State {
    Consent(Consent),
    Callback(Callback),
    Connections(Connections),
    StepUpPage(StepUpPage),
    Token(Token),
    Revoke(Revoke),
    DeviceAuthorization(DeviceAuthorizationRequest),
    DeviceVerification(Box<DeviceVerification>),
    Streamable(Streamable),
    Stream(Stream),
    PostMessage(PostMessage),
    ReadinessCheck(ReadinessCheck),
    FetchMetadata(FetchMetadata),
    FetchIdentityToken(FetchIdentityToken),
    CredentialCheck(Box<CredentialCheck>),
    FetchClientFile(FetchClientFile),
    KeepAnnouncements(KeepAnnouncements),
    KeySet(KeySet),
    ReadSigningKeys(ReadSigningKeys),
    TellBackend(TellBackend),
    ProbeBackend(ProbeBackend),
    CheckBackend(Box<CheckBackend>),
    StdioServer(Box<StdioServer>),
}

impl State {
    /// The first state of a request that was admitted.
    pub(crate) fn of_request(admitted: Admitted, body: Bytes, cx: &mut Cx<'_>) -> Progress<Self> {
        let (route, credential, client) = (admitted.route, admitted.credential, admitted.client);
        let head = admitted.head;
        let origin = head.headers.get(&::http::header::ORIGIN);
        let (server, headers) = (cx.env.server, cx.response_headers());
        cors::decorate(route, origin, server, |name, value| {
            headers.insert(name, value)
        });
        if head.method == ::http::Method::OPTIONS {
            return cx.done(cors::preflight(route, origin, cx.env.server));
        }
        if let Some(limited) = admitted.limited {
            return rate_limited::respond(route, &limited, cx);
        }
        if let Some(credential) = credential {
            return Self::of_message(route, (head, body), (credential, admitted.opened), cx);
        }
        let request = head.with_body(body);
        match route {
            Route::Home => cx.done(pages::home::respond(cx.env)),
            Route::Style => cx.done(pages::style::respond()),
            Route::Health => cx.done(response::text(::http::StatusCode::OK, "ok\n")),
            Route::Ready => ReadinessCheck::start(cx).map_pending(Self::ReadinessCheck),
            Route::ResourceMetadata | Route::SseResourceMetadata | Route::ServerMetadata => {
                cx.done(oauth::metadata::respond(route, cx.env))
            }
            Route::KeySet => KeySet::start(cx).map_pending(Self::KeySet),
            Route::Register => oauth::register::respond(&request, cx),
            Route::Authorize => Consent::authorize(&request, client, cx).map_pending(Self::Consent),
            Route::Consent => Consent::decide(&request, cx).map_pending(Self::Consent),
            Route::Callback => Callback::start(&request, client, cx).map_pending(Self::Callback),
            Route::Connections => Connections::start(&request, cx).map_pending(Self::Connections),
            Route::AdminConsent => oauth::admin_consent::begin(cx),
            Route::AdminConsentReturn => oauth::admin_consent::finish(&request, cx),
            Route::StepUp => StepUpPage::start(&request, cx).map_pending(Self::StepUpPage),
            Route::Token => Token::start(&request, client, cx).map_pending(Self::Token),
            Route::Revoke => Revoke::start(&request, client, cx).map_pending(Self::Revoke),
            Route::DeviceAuthorization => DeviceAuthorizationRequest::start(&request, client, cx)
                .map_pending(Self::DeviceAuthorization),
            Route::Device => DeviceVerification::start(&request, client, cx)
                .map_pending(boxed(Self::DeviceVerification)),
            Route::DeviceReturn => DeviceVerification::finish(&request, client, cx)
                .map_pending(boxed(Self::DeviceVerification)),
            // Nobody is admitted here without a token.
            Route::Mcp | Route::Sse | Route::Message => {
                cx.done(bearer::session_over(route, cx.env))
            }
        }
    }

    /// The first state of a request with a session token that was verified, or with another token.
    fn of_message(
        route: Route,
        (head, body): (RequestHead, Bytes),
        (credential, opened): (Credential, Option<OpenedSession>),
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let caller = Authenticate::start(route, credential, opened, cx);
        match route {
            Route::Sse => Stream::open(caller, &head, cx).map_pending(Self::Stream),
            Route::Message => {
                PostMessage::start(caller, &head, body).map_pending(Self::PostMessage)
            }
            _ if head.method == ::http::Method::GET => {
                Stream::listen(caller, &head, cx).map_pending(Self::Stream)
            }
            _ => Streamable::start(caller, head, body).map_pending(Self::Streamable),
        }
    }

    /// The first state of a job.
    pub(crate) fn of_job(job: Job, cx: &mut Cx<'_>) -> Progress<Self> {
        match job.0 {
            JobKind::RefreshEntraMetadata => {
                FetchMetadata::start(cx).map_pending(Self::FetchMetadata)
            }
            JobKind::FetchIdentityToken => {
                FetchIdentityToken::start(cx).map_pending(Self::FetchIdentityToken)
            }
            JobKind::CheckCredential => {
                CredentialCheck::start(cx).map_pending(boxed(Self::CredentialCheck))
            }
            JobKind::ReadSigningKeys => {
                ReadSigningKeys::start(cx).map_pending(Self::ReadSigningKeys)
            }
            JobKind::KeepAnnouncements(made) => {
                KeepAnnouncements::start(made, cx).map_pending(Self::KeepAnnouncements)
            }
            JobKind::TellBackend(name, telling) => {
                TellBackend::start(name, *telling, cx).map_pending(Self::TellBackend)
            }
            JobKind::ProbeBackend(_) => ProbeBackend::start(cx).map_pending(Self::ProbeBackend),
            JobKind::CheckBackend(_) => {
                let revision = Revision::NEWEST_WITH_SESSIONS;
                let params = client_params(revision, ClientCapabilities::default());
                CheckBackend::start(&params.into(), cx)
                    .map_pending(|check| Self::CheckBackend(Box::new(check)))
            }
            JobKind::RunServer(run) => StdioServer::start(*run, cx)
                .map_pending(|server| Self::StdioServer(Box::new(server))),
            JobKind::FetchClientDocument(url) => {
                FetchClientFile::start(ClientFile::Document, url, cx)
                    .map_pending(Self::FetchClientFile)
            }
            JobKind::FetchClientKeys(url) => {
                FetchClientFile::start(ClientFile::Keys, url, cx).map_pending(Self::FetchClientFile)
            }
        }
    }

    pub(crate) fn handle(self, input: Input, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Consent(state) => answered(state, input, Consent::handle, Self::Consent, cx),
            Self::Callback(state) => answered(state, input, Callback::handle, Self::Callback, cx),
            Self::Connections(state) => {
                answered(state, input, Connections::handle, Self::Connections, cx)
            }
            Self::StepUpPage(state) => {
                answered(state, input, StepUpPage::handle, Self::StepUpPage, cx)
            }
            Self::Token(state) => answered(state, input, Token::handle, Self::Token, cx),
            Self::Revoke(state) => answered(state, input, Revoke::handle, Self::Revoke, cx),
            Self::DeviceAuthorization(state) => {
                let handle = DeviceAuthorizationRequest::handle;
                answered(state, input, handle, Self::DeviceAuthorization, cx)
            }
            Self::DeviceVerification(state) => {
                let handle = DeviceVerification::handle;
                answered(*state, input, handle, boxed(Self::DeviceVerification), cx)
            }
            Self::ReadinessCheck(state) => {
                let handle = ReadinessCheck::handle;
                answered(state, input, handle, Self::ReadinessCheck, cx)
            }
            Self::FetchMetadata(state) => {
                let handle = FetchMetadata::handle;
                answered(state, input, handle, Self::FetchMetadata, cx)
            }
            Self::FetchIdentityToken(state) => {
                let handle = FetchIdentityToken::handle;
                answered(state, input, handle, Self::FetchIdentityToken, cx)
            }
            Self::CredentialCheck(state) => {
                let handle = CredentialCheck::handle;
                answered(*state, input, handle, boxed(Self::CredentialCheck), cx)
            }
            Self::FetchClientFile(state) => {
                let handle = FetchClientFile::handle;
                answered(state, input, handle, Self::FetchClientFile, cx)
            }
            Self::KeySet(state) => answered(state, input, KeySet::handle, Self::KeySet, cx),
            Self::ReadSigningKeys(state) => {
                let handle = ReadSigningKeys::handle;
                answered(state, input, handle, Self::ReadSigningKeys, cx)
            }
            Self::TellBackend(state) => {
                let handle = TellBackend::handle;
                answered(state, input, handle, Self::TellBackend, cx)
            }
            Self::ProbeBackend(state) => {
                let handle = ProbeBackend::handle;
                answered(state, input, handle, Self::ProbeBackend, cx)
            }
            Self::CheckBackend(state) => {
                let handle = |state: Box<CheckBackend>, answer, cx: &mut Cx<'_>| {
                    state.handle(answer, cx).map_pending(Box::new)
                };
                answered(state, input, handle, Self::CheckBackend, cx)
            }
            Self::KeepAnnouncements(state) => {
                state.handle(input, cx).map_pending(Self::KeepAnnouncements)
            }
            Self::StdioServer(state) => state
                .handle(input, cx)
                .map_pending(|server| Self::StdioServer(Box::new(server))),
            Self::Streamable(state) => state.handle(input, cx).map_pending(Self::Streamable),
            Self::Stream(state) => state.handle(input, cx).map_pending(Self::Stream),
            Self::PostMessage(state) => state.handle(input, cx).map_pending(Self::PostMessage),
        }
    }

    /// Whether nothing is worth finishing when the peer has left. What changes the store is
    /// finished, so that a client that lost the answer finds what it expects. A stream leaves the
    /// hub first.
    pub(crate) fn cancels_on_disconnect(&self) -> bool {
        match self {
            Self::Consent(state) => state.cancels_on_disconnect(),
            Self::Streamable(state) => !state.survives_disconnect(),
            Self::Callback(_)
            | Self::Connections(_)
            | Self::StepUpPage(_)
            | Self::Token(_)
            | Self::Revoke(_)
            | Self::DeviceAuthorization(_)
            | Self::DeviceVerification(_)
            | Self::Stream(_)
            | Self::PostMessage(_)
            | Self::ReadinessCheck(_)
            | Self::FetchMetadata(_)
            | Self::FetchIdentityToken(_)
            | Self::CredentialCheck(_)
            | Self::FetchClientFile(_)
            | Self::KeySet(_)
            | Self::ReadSigningKeys(_)
            | Self::KeepAnnouncements(_)
            | Self::TellBackend(_)
            | Self::ProbeBackend(_)
            | Self::CheckBackend(_)
            | Self::StdioServer(_) => false,
        }
    }

    /// Whether the state wants its ticks; for the others a tick past the deadline is the end.
    pub(crate) fn wants_ticks(&self) -> bool {
        match self {
            Self::Stream(_) | Self::KeepAnnouncements(_) | Self::StdioServer(_) => true,
            Self::Streamable(state) => state.wants_ticks(),
            Self::PostMessage(state) => state.wants_ticks(),
            Self::Consent(_)
            | Self::Callback(_)
            | Self::Connections(_)
            | Self::StepUpPage(_)
            | Self::Token(_)
            | Self::Revoke(_)
            | Self::DeviceAuthorization(_)
            | Self::DeviceVerification(_)
            | Self::ReadinessCheck(_)
            | Self::FetchMetadata(_)
            | Self::FetchIdentityToken(_)
            | Self::CredentialCheck(_)
            | Self::FetchClientFile(_)
            | Self::KeySet(_)
            | Self::ReadSigningKeys(_)
            | Self::TellBackend(_)
            | Self::ProbeBackend(_)
            | Self::CheckBackend(_) => false,
        }
    }
}

/// What makes one of the larger states a state. The others are moved at every event, and would be as large.
fn boxed<S>(wrap: impl FnOnce(Box<S>) -> State) -> impl FnOnce(S) -> State {
    |state| wrap(Box::new(state))
}

/// Hands an answer to a state that is neither a call nor a stream. It is finished though its peer has left, and
/// its time is up at its deadline.
fn answered<S>(
    state: S,
    input: Input,
    handle: impl FnOnce(S, Answer, &mut Cx<'_>) -> Progress<S>,
    wrap: impl FnOnce(S) -> State,
    cx: &mut Cx<'_>,
) -> Progress<State> {
    match input {
        Input::Answer(answer) => handle(state, answer, cx).map_pending(wrap),
        Input::Tick
        | Input::Disconnected
        | Input::Call(_)
        | Input::Task(_)
        | Input::Process(_)
        | Input::ReplayTakenOver => Progress::Pending(wrap(state)),
    }
}
