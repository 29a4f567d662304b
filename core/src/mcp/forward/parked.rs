//! What a backend with sessions asks within a call, for a client of 2026-07-28: its request is answered with the questions, and the call
//! waits for the request that brings the answers.
//!
//! ```text
//! the call       Calling --questions--> Parking --there is room--> Parked --answers--> Answering --told--> Calling --...--> over
//!                   ^---- there is none, which the backend is told --/       \--too late, the backend has ended--> over
//! with answers   Resuming --what the call says--> Resuming --its response--> over
//! ```
//!
//! Its `requestState` names the call, sealed for this user with this client and for this request. A call is answered once, where it was
//! made: on another replica, after a restart or too late the client is told to call again (threat R22).
//!
//! Source: MCP specification 2026-07-28, basic/patterns (multi round-trip requests); 2025-11-25, client (elicitation, sampling, roots).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{
    Forward, ForwardProgress, State,
    crossing::{self, PARKED},
    gateway,
};
use crate::{
    ask::Awaiting,
    backend::{Arrived, BackendFault, Identified, IdentifyUser, IncomingMessages},
    event::Answer,
    gateway::{ParkedAnswers, ParkedName, ParkedOutput, RawMessage, Replaced, TellingKind, quoted},
    hub::{ParkCall, ParkedMessage, TableFull, ToHubKind},
    id::ServerRequestId,
    json_rpc::{Error, Response},
    keys::Purpose,
    limits,
    mcp::invocation::{InvocationCx, ServerMessage},
    session::record::Hash,
    step::Progress,
    time::{Instant, UnixTime},
};

const NOT_OURS: &str = "The `requestState` is not one of this request, or has ended: call anew.";
const GONE: &str = "The question that this answers is not open here any more: it was answered already, has waited for too long, the server behind this gateway has ended, or another replica has asked it. The call may have done a part of its work. Call again, without `requestState`.";

impl Forward {
    /// What a `requestState` is for: this user with this client, and this request, but for what changes from round to round.
    fn context_of_state(&self, icx: &InvocationCx<'_, '_>) -> Vec<u8> {
        let params = self.message.params().unwrap_or("{}");
        let mut params: Map<String, Value> = serde_json::from_str(params).unwrap_or_default();
        for name in ["_meta", "inputResponses", "requestState"] {
            params.remove(name);
        }
        let about = format!("{}\n{}", self.method, Value::Object(params));
        let mut context = b"call that waits".to_vec();
        context.extend(icx.caller.principal_id.0);
        context.extend(Hash::of(about.as_bytes()).0);
        context
    }

    fn seal_state(&self, name: ParkedName, icx: &mut InvocationCx<'_, '_>) -> String {
        let expires = icx.cx.env.now.unix.after(limits::PARKED_CALL);
        let text = [&expires.0.to_be_bytes()[..], &name.0[..]].concat();
        let context = self.context_of_state(icx);
        let keys = &icx.cx.env.server.keys;
        let sealed = keys.seal(Purpose::RequestState, &context, b"", &text, icx.cx.entropy);
        format!("{PARKED}{}", URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The call whose questions this request answers, if it is for one.
    ///
    /// # Errors
    ///
    /// What the client is told if its state is not for this request.
    pub(super) fn named_call(
        &self,
        icx: &InvocationCx<'_, '_>,
    ) -> Result<Option<ParkedName>, Error> {
        let state = self.message.param("requestState");
        let is_stateless = self.client.revision.features().stateless;
        let Some(sealed) = state
            .as_deref()
            .filter(|_| is_stateless)
            .and_then(|state| state.strip_prefix(PARKED))
        else {
            return Ok(None);
        };
        let open = || {
            let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
            let context = self.context_of_state(icx);
            let keys = &icx.cx.env.server.keys;
            let text = keys.open(Purpose::RequestState, &context, b"", &sealed)?;
            let (expires, name) = text.split_first_chunk::<8>()?;
            let expires = UnixTime(u64::from_be_bytes(*expires));
            let (now, leeway) = (icx.cx.env.now.unix, limits::CLOCK_LEEWAY);
            let is_good = expires.is_ahead(limits::PARKED_CALL, now, leeway);
            is_good.then_some(ServerRequestId(name.try_into().ok()?))
        };
        open()
            .map(Some)
            .ok_or_else(|| Error::invalid_params(NOT_OURS))
    }

    /// The client is asked what the backend wants to know, if the call may wait for that.
    pub(super) fn park(
        mut self: Box<Self>,
        incoming: IncomingMessages,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let name = ServerRequestId(icx.cx.entropy.bytes());
        let principal = icx.caller.principal_id;
        let parked = icx
            .cx
            .ask_hub(|ticket| ToHubKind::Parked(ParkedMessage::Park(ticket, name, principal)));
        self.state = State::Parking(name, parked, incoming);
        Progress::Pending(self)
    }

    /// Takes an answer while the hub is asked for room.
    pub(super) fn parking(
        mut self: Box<Self>,
        (name, parked, mut incoming): (ParkedName, Awaiting<ParkCall>, IncomingMessages),
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if parked.id() != answer.ask() {
            return match ended(&mut incoming, answer) {
                Some(fault) => self.fail(fault, icx),
                None => {
                    self.state = State::Parking(name, parked, incoming);
                    Progress::Pending(self)
                }
            };
        }
        if let Err(TableFull::OfPrincipal | TableFull::OfServer) = parked.into_answer(answer) {
            let message = "Too many calls wait for answers of this user.";
            let error = json!({"error": {"code": Error::INTERNAL, "message": message}});
            for (id, _) in std::mem::take(&mut self.parked.asked).into_values() {
                self.answer_backend(&id, &error, icx);
            }
            incoming.more(icx.cx);
            self.state = State::Calling(incoming);
            return Progress::Pending(self);
        }
        let requests = self.parked.asked.iter();
        let requests: Vec<String> = requests
            .map(|(key, (_, request))| format!("{}:{request}", quoted(key)))
            .collect();
        let result = format!(
            r#"{{"resultType":"input_required","inputRequests":{{{}}},"requestState":"{}"}}"#,
            requests.join(","),
            self.seal_state(name, icx)
        );
        let response = Response::raw_result(self.id.clone(), &result).to_json();
        let asked = ServerMessage::InputRequired(self.id.clone(), response);
        icx.messages.push(asked);
        // From now on another exchange has the stream to the client.
        self.client.shares_stream = true;
        self.client.streams = true;
        self.parked.until = Some(icx.cx.env.now.instant.after(limits::PARKED_CALL));
        self.state = State::Parked(incoming);
        Progress::Pending(self)
    }

    /// Takes an answer while nobody wants one: the backend has ended, perhaps.
    pub(super) fn ended_while_parked(
        mut self: Box<Self>,
        mut incoming: IncomingMessages,
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        match ended(&mut incoming, answer) {
            Some(fault) => self.fail(fault, icx),
            None => {
                self.state = State::Parked(incoming);
                Progress::Pending(self)
            }
        }
    }

    /// When the call has waited for long enough.
    pub(crate) fn wake(&self) -> Option<Instant> {
        match self.state {
            State::AwaitingStream(until) | State::AwaitingPoll(until) => Some(until),
            _ => self.parked.until,
        }
    }

    /// Time has passed.
    pub(crate) fn tick(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        let is_late = |until: Instant| icx.cx.env.now.instant >= until;
        if matches!(self.state, State::AwaitingStream(until) if is_late(until)) {
            return self.call(icx);
        }
        if matches!(self.state, State::AwaitingPoll(until) if is_late(until)) {
            return self.poll(icx);
        }
        if !self.parked.until.is_some_and(is_late) {
            return Progress::Pending(self);
        }
        self.parked.until = None;
        if let State::Parked(incoming) = &self.state {
            incoming.cancel(icx.cx);
        }
        self.fail(BackendFault::TimedOut, icx)
    }

    /// The client has brought the answers. They are told as whoever calls is known now: the user may have thought for long.
    pub(crate) fn resumed(
        mut self: Box<Self>,
        answers: ParkedAnswers,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let incoming = match std::mem::replace(&mut self.state, State::AwaitingAdmission) {
            State::Parked(incoming) => incoming,
            state => {
                self.state = state;
                return Progress::Pending(self);
            }
        };
        self.parked.until = None;
        let identified = IdentifyUser::start(icx.caller, None, gateway(icx.cx), icx.cx);
        self.answer(identified, incoming, answers, icx)
    }

    pub(super) fn answering(
        self: Box<Self>,
        (identify, incoming, answers): (Box<IdentifyUser>, IncomingMessages, ParkedAnswers),
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if matches!(answer, Answer::Pulled(_) | Answer::PullEnded(_)) {
            let mut incoming = incoming;
            return match ended(&mut incoming, answer) {
                Some(fault) => self.fail(fault, icx),
                None => {
                    let mut this = self;
                    this.state = State::Answering(identify, incoming, answers);
                    Progress::Pending(this)
                }
            };
        }
        let identified = identify.handle(answer, icx.caller, gateway(icx.cx), icx.cx);
        self.answer(identified, incoming, answers, icx)
    }

    fn answer(
        mut self: Box<Self>,
        identified: Identified,
        mut incoming: IncomingMessages,
        answers: ParkedAnswers,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        match identified {
            Progress::Pending(identify) => {
                self.state = State::Answering(identify, incoming, answers);
                return Progress::Pending(self);
            }
            Progress::Ready(Ok(credentials)) => self.credentials = credentials,
            Progress::Ready(Err(_)) => {
                self.state = State::Calling(incoming);
                self.leave_backend(icx);
                return self.fail(BackendFault::NoAssertion, icx);
            }
        }
        for (key, result) in answers {
            let asked = self.parked.asked.remove(&key);
            if let Some((id, _)) = asked {
                let id = serde_json::to_string(&id).expect("an id can be written as JSON");
                let told = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
                self.tell_text(TellingKind::OfClient, told, icx);
            }
        }
        if !self.parked.is_empty() {
            return self.park(incoming, icx);
        }
        incoming.more(icx.cx);
        self.state = State::Calling(incoming);
        Progress::Pending(self)
    }

    /// Brings the answers to the call that waits for them.
    pub(super) fn resume(
        mut self: Box<Self>,
        name: ParkedName,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let answers = self.message.members_at(&["inputResponses"]);
        let answers = answers.into_iter().flatten();
        let answers = answers.filter(|(_, answer)| answer.starts_with('{'));
        let (answers, principal) = (answers.collect(), icx.caller.principal_id);
        let reading = icx.cx.ask_hub(|ticket| {
            ToHubKind::Parked(ParkedMessage::Resume(ticket, name, principal, answers))
        });
        self.state = State::Resuming(reading);
        Progress::Pending(self)
    }

    /// The call that was resumed has said something.
    pub(super) fn heard(
        mut self: Box<Self>,
        output: ParkedOutput,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let (said, end) = match output {
            ParkedOutput::Gone => return self.give_up(GONE, icx),
            ParkedOutput::Said(said) => (said, None),
            ParkedOutput::Ended(said, end) => (said, Some(end)),
        };
        for text in said {
            self.pass_on(&text, icx);
        }
        let Some(end) = end else {
            let read = |ticket| ToHubKind::Parked(ParkedMessage::Read(ticket));
            self.state = State::Resuming(icx.cx.ask_hub(read));
            return Progress::Pending(self);
        };
        let text = RawMessage::of_checked(&end.response).map(|response| {
            response.with_ids(Replaced {
                id: Some(&self.id),
                ..Replaced::default()
            })
        });
        match text {
            Ok(text) => Progress::Ready(Response::whole(self.id, text, end.error_code).into()),
            Err(_) => self.fail(BackendFault::NotUnderstood, icx),
        }
    }

    /// A message before the response: with the progress token of this request, if it has one.
    fn pass_on(&self, text: &str, icx: &mut InvocationCx<'_, '_>) {
        let Ok(message) = RawMessage::of_checked(text) else {
            return;
        };
        let token = self.message.token();
        if message.token().is_some() && token.is_none() {
            return;
        }
        let passed = message.with_ids(Replaced {
            token,
            ..Replaced::default()
        });
        icx.messages.push(ServerMessage::Json(passed));
    }

    /// Whether the client can be asked this by questions in a response.
    pub(super) fn may_park(&self, method: &str, params: Option<&str>) -> bool {
        let capabilities = self.client.client_capabilities;
        self.parked.len() < limits::INPUT_REQUESTS
            && crossing::can_be_asked(method, params, capabilities)
    }
}

/// What an event that nobody waits for says of the backend, if it is the end.
fn ended(incoming: &mut IncomingMessages, answer: Answer) -> Option<BackendFault> {
    match incoming.handle(answer) {
        Arrived::Messages(_) => None,
        Arrived::End(_, fault) | Arrived::Fault(fault) => Some(fault),
    }
}
