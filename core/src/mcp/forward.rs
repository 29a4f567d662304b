//! A request that the backend answers: the third way to answer one, beside step functions and handlers of the runtime.
//!
//! ```text
//! AwaitingAdmission --> Identifying --> AwaitingSession --there--------------------> Calling --the answer--> over
//!                                            ^    \--to be opened--> Opening --opened--^  |
//!                                            \---------the backend has lost the session---/
//! ```
//!
//! What the backend sends before its answer goes where messages of any call go, so progress, questions, kept streams,
//! cancellation and revocation are the ones that there are. A request is sent again only if the backend refused it because it
//! did not know the session; after a connection broke, never: it may have done its work.

mod answered;
mod arrived;
mod called;
mod client_notification;
mod completions;
mod confirm;
mod crossing;
mod ending;
mod eras;
mod header_params;
mod identify;
mod initialize;
mod input;
mod judge;
mod listen;
mod methods;
mod own_accord;
mod parked;
mod polling;
mod relay;
mod rounds;
mod sessions;
#[cfg(test)]
mod tests;
mod tool_headers;

use std::{borrow::Cow, collections::BTreeMap};

use self::{
    answered::LookUp,
    crossing::{Input, OwnAccord, Polling, Questions, Reopened},
    header_params::{HeaderParams, Known},
    judge::{Verdict, judge},
    methods::{NEVER_PASSED, is_forwarded, named_by},
    rounds::{Confirmed, Confirming},
};
pub(crate) use self::{
    answered::fresh_id,
    called::fault_of_backend,
    client_notification::{ClientNotification, Notified},
    ending::ForwardEnd,
    initialize::{InitializeFrom, Initializing, params as client_params},
    judge::needed_scopes,
    listen::{can_be_heard, listen_request, listens},
    relay::{may_hear_of, may_know_resource},
    sessions::{backend_session, named_by_capabilities, params_without_session},
};
use super::{
    audit,
    invocation::{ClientProfile, InvocationCx},
    session_settings::ChangingSetting,
    step_up,
};
use crate::{
    ask::{Awaiting, Store},
    backend::{BackendFault, IdentifyUser, IncomingMessages, ReopenSession},
    config::Gateway,
    event::Answer,
    gateway::{BackendRequest, Credentials, ParkedAnswers, ParkedName, RawMessage, Replaced},
    hub::{
        BackendSession, BackendSessionFound, FindBackendSession, ListenToBackend, ParkCall,
        ReadParked, TableFull,
    },
    id::ServerRequestId,
    json_rpc::{Error, Id, Request, Response},
    planted::Planted,
    policy::PolicyKind,
    revision::Revision,
    step::{Cx, Progress},
    time::Instant,
};
/// A request that is being answered by the backend.
#[derive(Debug)]
pub(crate) struct Forward {
    id: Id,
    method: String,
    message: RawMessage,
    client: ClientProfile,
    /// What the backend knows the request as.
    backend_id: Id,
    credentials: Credentials,
    session: Option<BackendSession>,
    state: State,
    /// What the backend has asked the client, by what the client knows it as.
    questions: BTreeMap<ServerRequestId, Id>,
    /// What a backend of 2026-07-28 has to know of a client with a session.
    input: Input,
    /// What a backend with sessions asks a client of 2026-07-28.
    parked: Questions,
    /// The call that waits for the answers in the request.
    resumes: Option<ParkedName>,
    reopened: Reopened,
    polling: Polling,
    /// The backend has said what it wants of the user's access token: it is asked again once.
    was_challenged: bool,
    /// The client says that its user has been sent to satisfy claims.
    is_back: bool,
    /// The answer that waits until it is known whether there is what was asked for.
    look_up: Option<Box<LookUp>>,
    /// What it is about is hidden from the caller: of this kind.
    hidden: Option<PolicyKind>,
    /// What is to be done about the confirmation of the user first.
    confirming: Confirming,
    header_params: HeaderParams,
    own_accord: OwnAccord,
    /// The user has confirmed it in an earlier round.
    is_confirmed: bool,
    began: Instant,
    /// How that began which the backend sent and which was no message.
    excerpt: Option<String>,
}

#[derive(Debug)]
enum State {
    AwaitingAdmission,
    /// The user is to confirm the call.
    AwaitingConfirmation(ServerRequestId),
    /// The user has confirmed it, for one call.
    Spending(Awaiting<Store>),
    Identifying(Box<IdentifyUser>),
    AwaitingSession(Awaiting<FindBackendSession>),
    Opening(Box<ReopenSession>),
    /// The level of the log is kept here, for the backend keeps none.
    AwaitingSetting(Box<ChangingSetting>),
    /// Whether another stream of the session listens to the backend.
    AwaitingTurn(Awaiting<ListenToBackend>),
    /// The call goes out once its stream is open, and then at the latest.
    AwaitingStream(Instant),
    Calling(IncomingMessages),
    /// The backend has closed the stream, and is asked then for what comes.
    AwaitingPoll(Instant),
    /// The client has been asked what the backend has to know before it is called again.
    Asking,
    /// The call asks whether it may wait for its client.
    Parking(ParkedName, Awaiting<ParkCall>, IncomingMessages),
    /// It waits.
    Parked(IncomingMessages),
    /// It has the answers, for the backend.
    Answering(Box<IdentifyUser>, IncomingMessages, ParkedAnswers),
    /// Another call has waited for the answers that this request brings.
    Resuming(Awaiting<ReadParked>),
}

/// What a step leaves.
pub(crate) type ForwardProgress = Progress<Box<Forward>, ForwardEnd>;

/// Begins to have the backend answer a request; `None` if no server has such a method, or this one answers it itself.
pub(crate) fn start(
    request: &Request,
    client: ClientProfile,
    icx: &mut InvocationCx<'_, '_>,
) -> Option<ForwardProgress> {
    if !is_forwarded(&request.method, client.revision) {
        return None;
    }
    let Ok(message) = RawMessage::read_of(request.params.body(), &request.id) else {
        let error = Error::invalid_request("The message cannot be passed on as it is written.");
        return Some(refused(request, error, icx));
    };
    let message = NEVER_PASSED.into_iter().fold(message, RawMessage::without);
    let verdict = judge(icx.cx.env.policy, &request.method, &message, icx.caller);
    let taken = match client.revision.features().stateless {
        true => rounds::take(request, message, icx.caller, icx.cx),
        false => Ok((message, Confirmed::NotAsked)),
    };
    let (message, confirmed) = match taken {
        Ok(taken) => taken,
        Err(error) => return Some(refused(request, error, icx)),
    };
    let verdict = verdict.with_bug(icx.cx.env.server);
    let backend_id = answered::id_for_backend(&request.id, icx.cx);
    let mut forward = Box::new(Forward {
        id: request.id.clone(),
        method: request.method.clone(),
        message,
        client,
        backend_id,
        credentials: Credentials::default(),
        session: None,
        state: State::AwaitingAdmission,
        questions: BTreeMap::new(),
        input: Input::default(),
        parked: Questions::default(),
        resumes: None,
        reopened: Reopened::default(),
        polling: Polling::default(),
        was_challenged: false,
        is_back: step_up::is_answered(&request.params),
        look_up: None,
        hidden: None,
        confirming: Confirming::Nothing,
        header_params: HeaderParams {
            sent: request.header_params.clone(),
            known: Known::Nothing,
        },
        own_accord: OwnAccord::default(),
        is_confirmed: false,
        began: icx.cx.env.now.instant,
        excerpt: None,
    });
    match verdict {
        Verdict::Passes => {}
        Verdict::Asks(question) => match confirmed {
            Confirmed::NotAsked => forward.confirming = Confirming::Ask(question),
            Confirmed::Yes(state) => {
                forward.is_confirmed = true;
                forward.confirming = Confirming::Spend(state);
            }
            Confirmed::No => return Some(forward.refuse(confirm::NOT_CONFIRMED, icx)),
        },
        Verdict::Hidden(kind) => forward.hidden = Some(kind),
        Verdict::Error(error) => return Some(forward.refuse_with(error, icx)),
        Verdict::Refused(words) => return Some(forward.refuse(&words, icx)),
    }
    match forward.named_call(icx) {
        Ok(name) => forward.resumes = name,
        Err(error) => return Some(forward.refuse_with(error, icx)),
    }
    match icx.registration.is_registered(icx.caller, icx.cx) {
        true => Some(forward.begin(icx)),
        false => Some(Progress::Pending(forward)),
    }
}

/// A request is answered with this error, and nothing of it begins.
fn refused(request: &Request, error: Error, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
    audit::refused_at_gateway(request, icx.caller, icx.cx);
    Progress::Ready(Response::error(Some(request.id.clone()), error).into())
}

fn gateway<'a>(cx: &Cx<'a>) -> &'a Gateway {
    let gateway = cx.env.gateway();
    gateway.expect("what is forwarded has a backend")
}

impl Forward {
    /// The hub has room for the call, or has not.
    pub(crate) fn admitted(
        self: Box<Self>,
        admitted: Result<(), TableFull>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        match (&self.state, admitted) {
            (State::AwaitingAdmission, Ok(())) => self.begin(icx),
            (State::AwaitingAdmission, Err(TableFull::OfPrincipal))
                if icx.cx.env.server.has(Planted::SharesIgnored) =>
            {
                self.begin(icx)
            }
            (State::AwaitingAdmission, Err(full)) => {
                let error = super::invocation::too_many_calls(full, icx.cx.env.server);
                self.too_many(error.message.into_owned(), icx)
            }
            // An earlier request of the batch asked for the room, and was cancelled.
            _ => Progress::Pending(self),
        }
    }

    /// Takes an answer.
    pub(crate) fn handle(
        mut self: Box<Self>,
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if self.own_accord.awaits(&answer) {
            return self.hear_own_accord(answer, icx);
        }
        match std::mem::replace(&mut self.state, State::AwaitingAdmission) {
            State::Spending(spending) => self.spent(spending.into_answer(answer), icx),
            State::Identifying(identify) => {
                let gateway = gateway(icx.cx);
                let progress = identify.handle(answer, icx.caller, gateway, icx.cx);
                self.identified(progress, icx)
            }
            State::AwaitingSession(find) => match find.into_answer(answer) {
                BackendSessionFound::Open(session) => {
                    self.credentials = self.credentials.with_given(session.given.clone());
                    self.session = Some(session);
                    self.call(icx)
                }
                BackendSessionFound::ToOpen(lost) => self.open(lost, icx),
                BackendSessionFound::NotOpen => self.fail(BackendFault::Broken, icx),
            },
            State::Opening(opening) => match opening.handle(answer, gateway(icx.cx), icx.cx) {
                Progress::Pending(opening) => {
                    self.state = State::Opening(opening);
                    Progress::Pending(self)
                }
                Progress::Ready(Ok((opened, params))) => self.opened(params, opened, icx),
                Progress::Ready(Err(reason)) => self.not_opened(&reason, icx),
            },
            State::AwaitingTurn(turn) => self.stream_looked_for(turn, answer, icx),
            State::Calling(incoming) => self.arrived(incoming, answer, icx),
            State::Parking(name, parked, incoming) => {
                self.parking((name, parked, incoming), answer, icx)
            }
            State::Parked(incoming) => self.ended_while_parked(incoming, answer, icx),
            State::Answering(identify, incoming, answers) => {
                self.answering((identify, incoming, answers), answer, icx)
            }
            State::Resuming(reading) => self.heard(reading.into_answer(answer), icx),
            State::AwaitingSetting(setting) => {
                let progress = setting.handle(answer, icx.cx);
                self.level_set(progress, icx)
            }
            state @ (State::AwaitingAdmission
            | State::AwaitingConfirmation(_)
            | State::AwaitingStream(_)
            | State::AwaitingPoll(_)
            | State::Asking) => {
                self.state = state;
                Progress::Pending(self)
            }
        }
    }

    /// Sends the request.
    fn call(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        self.look_up = None;
        if let Some(kind) = self.hidden {
            return self.look_for_hidden(kind, icx);
        }
        let this = match self.in_place_of_backend(icx) {
            Ok(this) => this,
            Err(progress) => return progress,
        };
        let this = match this.with_kept_header_params(icx) {
            Ok(this) => this,
            Err(progress) => return progress,
        };
        if this.is_to_listen(icx) {
            return this.look_for_stream(icx);
        }
        let Input {
            responses, state, ..
        } = &this.input;
        let message = this.for_backend(&this.message);
        let message = match responses.is_empty() && state.is_none() {
            true => message,
            false => message
                .and_then(|message| message.with_input(responses, state.as_deref()))
                .map(Cow::Owned),
        };
        let Some(message) = message else {
            return this.cannot_pass(icx);
        };
        let body = message.with_ids(Replaced {
            id: Some(&this.backend_id),
            token: Some(&this.backend_id),
            cancelled: None,
        });
        let name = named_by(&this.method).and_then(|name| this.message.param(name));
        let routed_by = (this.method.clone(), name.map(Cow::into_owned));
        this.send(body, routed_by, icx)
    }

    /// Sends a message: of this method, and about what has this name.
    fn send(
        mut self: Box<Self>,
        body: String,
        routed_by: (String, Option<String>),
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let mut request = self.request(body);
        if routed_by.0 == self.method {
            request.header_params = self.header_params.for_backend().to_vec();
        }
        let is_stateless = |revision: Revision| revision.features().stateless;
        request.routed_by = request
            .revision
            .is_some_and(is_stateless)
            .then_some(routed_by);
        let gateway = gateway(icx.cx);
        let incoming = IncomingMessages::send(request, gateway, &self.credentials, icx.cx);
        self.polling = Polling::of_call(icx.cx.env.now.instant);
        self.state = State::Calling(incoming);
        Progress::Pending(self)
    }

    fn request(&self, body: String) -> BackendRequest {
        let session = self.session.as_ref();
        let revision = session.map_or(self.client.revision, |session| session.revision);
        let session = session.and_then(|session| session.id.clone());
        BackendRequest::post(session, revision, body)
    }
}
