//! A call under way: of a tool, a resource, a prompt or a completion.
//!
//! ```text
//! a step function, or the runtime's own --wishes--> granted at once, or waited for --> goes on
//!        \--is over--> Done                             \--> input is required (2026-07-28)
//! ```
//!
//! SessionSettings are granted one after the other. What they send to the client leaves as [`ServerMessage`]: the
//! transport knows how it gets there.

mod effects;
mod input;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

use self::effects::Begun;
use crate::{
    admit::caller::Caller,
    ask::{Awaiting, EffectRequest, Invoke, InvokeOutput, Target},
    catalog::{
        Call, CallError, ClientCapabilities, ClientCapability, Effect, EffectResult, Handler,
        InputRequest, InputResponse, LogLevel, PromptMessages, ResourceContents, Step, ToolResult,
    },
    entra::graph::GraphRequest,
    event::Event,
    hub::{FromHub, FromHubKind, ToHub, ToHubKind},
    id::{McpSessionId, ServerRequestId},
    json_rpc::Id,
    limits,
    revision::Revision,
    step::Cx,
    time::Instant,
};

/// A message to the client on the way to its answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ServerMessage {
    /// JSON of a notification or a request.
    Json(String),
    /// The stream is closed, and the client comes back for the rest after so many milliseconds.
    CloseStream(u64),
}

/// Who is at the other end, besides the caller: what its requests, or its session, say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientProfile {
    pub(crate) revision: Revision,
    pub(crate) client_capabilities: ClientCapabilities,
    /// Its MCP session, or its HTTP+SSE stream; none in 2026-07-28.
    pub(crate) mcp_session: Option<McpSessionId>,
    /// Whether a message can reach it before the answer.
    pub(crate) streams: bool,
    /// Whether it knows tasks (2026-07-28).
    pub(crate) tasks: bool,
}

/// What a request says of how it wants to be called.
#[derive(Debug)]
pub(crate) struct RequestMeta {
    /// Its id.
    pub(crate) id: Id,
    /// `_meta.progressToken`: progress is told.
    pub(crate) progress_token: Option<Id>,
    /// From which level on lines of the log are told, where the request says so (2026-07-28).
    pub(crate) level: Option<LogLevel>,
    /// Answers of earlier rounds, from `requestState`.
    pub(crate) answers: BTreeMap<String, InputResponse>,
    /// `inputResponses`: answers of this round, not read yet.
    pub(crate) responses: Map<String, Value>,
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Invocation {
    performing: Performing,
    target: Target,
    call: Call,
    peer: ClientProfile,
    wanted: RequestMeta,
    state: State,
    /// SessionSettings of the runtime's call that came while another was not granted yet.
    queue: VecDeque<Effect>,
    wishes: usize,
    progressed: f64,
    /// Whether the hub knows of it.
    is_registered: bool,
    is_task: bool,
}

#[derive(Debug)]
enum Performing {
    Pure(Pure),
    Native(Awaiting<Invoke>),
}

/// A step function of any kind.
#[derive(Clone, Copy, Debug)]
enum Pure {
    Tool(fn(&Call) -> Step<ToolResult>),
    Contents(fn(&Call) -> Step<Vec<ResourceContents>>),
    PromptMessages(fn(&Call) -> Step<PromptMessages>),
    Values(fn(&Call) -> Step<Vec<String>>),
}

impl Pure {
    fn step(self, call: &Call) -> Step<InvokeOutput> {
        match self {
            Self::Tool(step) => step(call).map(InvokeOutput::Tool),
            Self::Contents(step) => step(call).map(InvokeOutput::Contents),
            Self::PromptMessages(step) => step(call).map(InvokeOutput::PromptMessages),
            Self::Values(step) => step(call).map(InvokeOutput::Values),
        }
    }
}

/// How what is offered is performed, whatever its kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandlerRef(Option<Pure>);

macro_rules! by {
    ($($result:ty => $kind:ident),*) => {$(
        impl From<Handler<$result>> for HandlerRef {
            fn from(handler: Handler<$result>) -> Self {
                match handler {
                    Handler::Step(step) => Self(Some(Pure::$kind(step))),
                    Handler::Runtime => Self(None),
                }
            }
        }
    )*};
}

by!(ToolResult => Tool, Vec<ResourceContents> => Contents, PromptMessages => PromptMessages,
    Vec<String> => Values);

/// What a call waits for.
#[derive(Debug)]
enum State {
    /// For its own next effect, or its end.
    Running,
    Sleeping(Instant),
    Graph(Box<GraphRequest>),
    Token(Box<effects::Token>),
    /// Which lines of the log the session wants; this one waits.
    Level(LogLevel, Value),
    /// Answers of the client: by the id of the request, the key of the input_request.
    Asking {
        open: BTreeMap<ServerRequestId, String>,
        questions: BTreeMap<String, InputRequest>,
    },
}

/// How far a call is.
#[derive(Debug)]
pub(crate) enum Called {
    /// It goes on.
    Waiting(Box<Invocation>),
    /// It is over.
    Done(Result<InvokeOutput, CallError>),
    /// It goes on once these are answered; these were answered before (2026-07-28).
    InputRequired(
        BTreeMap<String, InputRequest>,
        BTreeMap<String, InputResponse>,
    ),
    /// It must ask what this client cannot be asked.
    Lacks(ClientCapability),
    /// The user must sign in again.
    SessionOver,
    /// The client wants no answer any more.
    Cancelled,
}

/// What a call does with the world: the step's own doing, and messages to the client.
pub(crate) struct InvocationCx<'a, 'b> {
    pub(crate) caller: &'a Caller,
    pub(crate) cx: &'a mut Cx<'b>,
    pub(crate) out: &'a mut Vec<ServerMessage>,
}

impl Invocation {
    /// Begins.
    pub(crate) fn start(
        by: HandlerRef,
        target: Target,
        (name, arguments): (String, Map<String, Value>),
        peer: ClientProfile,
        mut wanted: RequestMeta,
        doing: &mut InvocationCx<'_, '_>,
    ) -> Called {
        let call = Call {
            name,
            arguments,
            principal: doing.caller.principal(),
            client_capabilities: peer.client_capabilities,
            answers: std::mem::take(&mut wanted.answers),
            results: Vec::new(),
        };
        let performing = match by.0 {
            Some(pure) => Performing::Pure(pure),
            None => Performing::Native(doing.cx.invoke(Invoke {
                target: target.clone(),
                call: call.clone(),
                within: limits::CALL_TIMEOUT,
            })),
        };
        Box::new(Self {
            performing,
            target,
            call,
            peer,
            wanted,
            state: State::Running,
            queue: VecDeque::new(),
            wishes: 0,
            progressed: f64::NEG_INFINITY,
            is_registered: false,
            is_task: false,
        })
        .begin_performing(doing)
    }

    fn begin_performing(mut self: Box<Self>, doing: &mut InvocationCx<'_, '_>) -> Called {
        if matches!(self.performing, Performing::Native(_)) {
            self.register_in_flight(doing);
        }
        self.advance(doing)
    }

    /// Tells the hub that it takes a while, so that a message can cancel it and answers find it.
    fn register_in_flight(&mut self, doing: &mut InvocationCx<'_, '_>) {
        if let (Some(mcp_session), false) = (self.peer.mcp_session, self.is_registered) {
            self.is_registered = true;
            doing.cx.to_hub(ToHub(ToHubKind::RegisterRequest {
                principal: doing.caller.principal_id,
                mcp_session,
                request: self.wanted.id.clone(),
            }));
        }
    }

    /// When it wants to be woken.
    pub(crate) fn wake(&self) -> Option<Instant> {
        match self.state {
            State::Sleeping(until) => Some(until),
            _ => None,
        }
    }

    /// The questions that wait for an answer.
    pub(crate) fn open_questions(&self) -> Option<&BTreeMap<String, InputRequest>> {
        match &self.state {
            State::Asking { questions, .. } => Some(questions),
            _ => None,
        }
    }

    /// It goes on as a task: nothing is told before its answer, and its questions wait for the client to
    /// come and answer them.
    pub(crate) fn becomes_task(&mut self) {
        self.peer.streams = false;
        self.is_task = true;
    }

    /// It matters no more.
    pub(crate) fn cancel(self, cx: &mut Cx<'_>) {
        if let Performing::Native(awaiting) = &self.performing {
            cx.cancel(awaiting);
        }
    }

    /// The next state after an event.
    pub(crate) fn handle(
        mut self: Box<Self>,
        event: Event,
        doing: &mut InvocationCx<'_, '_>,
    ) -> Called {
        if let Event::FromHub(FromHub(FromHubKind::Cancelled(request))) = event {
            // Of a batch it may be another one, that has long been answered.
            return match request == self.wanted.id {
                true => self.over(Called::Cancelled, doing),
                false => Called::Waiting(self),
            };
        }
        if let Performing::Native(awaiting) = &self.performing {
            match event {
                Event::Invoked(answered) => {
                    return match awaiting.take(answered) {
                        Some(answer) => Called::Done(self.fitting(answer)),
                        None => Called::Waiting(self),
                    };
                }
                Event::Effect(EffectRequest { id, effect }) if id == awaiting.id() => {
                    if self.queue.len() >= limits::CALL_EFFECTS {
                        return self.over(too_many_wishes(), doing);
                    }
                    self.queue.push_back(effect);
                    return match self.state {
                        State::Running => self.advance(doing),
                        _ => Called::Waiting(self),
                    };
                }
                event => return self.waited(event, doing),
            }
        }
        self.waited(event, doing)
    }

    /// Something that was waited for may have come.
    fn waited(mut self: Box<Self>, event: Event, doing: &mut InvocationCx<'_, '_>) -> Called {
        let state = std::mem::replace(&mut self.state, State::Running);
        let begun = self.waited_for(state, event, doing);
        self.begun(begun, doing)
    }

    /// Grants what can be granted until it waits or is over.
    fn advance(mut self: Box<Self>, doing: &mut InvocationCx<'_, '_>) -> Called {
        loop {
            let effect = match &self.performing {
                Performing::Pure(pure) => match pure.step(&self.call) {
                    Step::Effect(effect) => effect,
                    Step::Done(result) => return Called::Done(self.fitting(result)),
                },
                Performing::Native(_) => match self.queue.pop_front() {
                    Some(effect) => effect,
                    None => return Called::Waiting(self),
                },
            };
            self.wishes += 1;
            if self.wishes > limits::CALL_EFFECTS {
                return self.over(too_many_wishes(), doing);
            }
            match self.begin(effect, doing) {
                Begun::Granted(granted) => self.granted(granted, doing),
                other => return self.begun(other, doing),
            }
        }
    }

    fn begun(mut self: Box<Self>, begun: Begun, doing: &mut InvocationCx<'_, '_>) -> Called {
        match begun {
            Begun::Granted(granted) => {
                self.granted(granted, doing);
                self.advance(doing)
            }
            Begun::Waits(state) => {
                self.state = state;
                Called::Waiting(self)
            }
            Begun::Over(called) => self.over(called, doing),
        }
    }

    fn granted(&mut self, granted: EffectResult, doing: &mut InvocationCx<'_, '_>) {
        match &self.performing {
            Performing::Pure(_) => self.call.results.push(granted),
            Performing::Native(awaiting) => doing.cx.resume(awaiting, granted),
        }
    }

    /// It ends without the call's own doing.
    fn over(self: Box<Self>, called: Called, doing: &mut InvocationCx<'_, '_>) -> Called {
        self.cancel(doing.cx);
        called
    }

    /// A result of the kind that the target has; another one is a bug of the runtime's.
    fn fitting(&self, result: Result<InvokeOutput, CallError>) -> Result<InvokeOutput, CallError> {
        let fits = matches!(
            (&self.target, &result),
            (_, Err(_))
                | (Target::Tool(_), Ok(InvokeOutput::Tool(_)))
                | (
                    Target::Resource(_) | Target::Template(_),
                    Ok(InvokeOutput::Contents(_))
                )
                | (Target::Prompt(_), Ok(InvokeOutput::PromptMessages(_)))
                | (
                    Target::CompletePrompt(..) | Target::CompleteTemplate(..),
                    Ok(InvokeOutput::Values(_))
                )
        );
        match fits {
            true => result,
            false => Err(CallError::Internal("a result of another kind".to_owned())),
        }
    }
}

fn too_many_wishes() -> Called {
    let words = "a call had too many wishes".to_owned();
    Called::Done(Err(CallError::Internal(words)))
}
