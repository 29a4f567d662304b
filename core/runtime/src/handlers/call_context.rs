//! A call of a function under way: what it knows without asking anybody, and what it asked already.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use entra_mcp_core::request_id::RequestId;
use entra_mcp_core::{
    ask::{Invoke, Target},
    catalog::{
        Call, CallError, Client, ClientCapabilities, Effect, EffectResult, GraphError,
        InputRequest, InputResponse, InputResult, Principal,
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{CompletionRequest, SharedState, arguments, text_arguments};
use crate::{caught, testing::Performer};

/// What a crate of tokio says outside of tokio.
const NO_TOKIO: &str = "there is no reactor running";

/// No call takes longer: a time that the clock can tell.
const LONGEST: Duration = Duration::from_hours(24);

/// What a call knows of itself: a context is this and more.
#[derive(Debug)]
pub struct CallContext {
    target: Target,
    call: Call,
    deadline: Instant,
    state: SharedState,
    /// What performs its effects, if it is a test.
    performer: Option<Performer>,
    over: AtomicBool,
    /// What the client answered meanwhile.
    answers: Mutex<BTreeMap<String, InputResult>>,
}

/// The call is over: it was cancelled, the client went away or its time is up; or the input request was
/// handed to the client, and the function will be run again with the answer. Whatever the function
/// still returns is ignored, so `?` is the right thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the call is over")
    }
}

impl std::error::Error for Interrupted {}

impl From<Interrupted> for CallError {
    fn from(_: Interrupted) -> Self {
        Self::Message("The call was interrupted.".to_owned())
    }
}

impl From<Interrupted> for GraphError {
    fn from(interrupted: Interrupted) -> Self {
        Self::no_answer(interrupted.to_string())
    }
}

impl CallContext {
    /// A call that begins now.
    #[must_use]
    pub fn new(perform: Invoke, state: &SharedState) -> Self {
        Self {
            target: perform.target,
            call: perform.call,
            deadline: Instant::now() + perform.within.min(LONGEST),
            state: state.clone(),
            performer: None,
            over: AtomicBool::new(false),
            answers: Mutex::default(),
        }
    }

    /// A call whose effects are performed by a script.
    pub(crate) fn scripted(perform: Invoke, state: &SharedState, performer: Performer) -> Self {
        Self {
            performer: Some(performer),
            ..Self::new(perform, state)
        }
    }

    /// Performs an effect by the script, if there is one.
    ///
    /// # Errors
    ///
    /// There is none: the effect.
    pub fn perform_scripted(this: &Self, effect: Effect) -> Result<EffectResult, Effect> {
        match &this.performer {
            Some(performer) => Ok(performer.perform(effect)),
            None => Err(effect),
        }
    }

    /// What is called.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The name of the tool or prompt, or the URI of the resource.
    #[must_use]
    pub fn name(&self) -> &str {
        self.call.name()
    }

    /// The arguments as they were sent. Of a tool they fit its schema.
    #[must_use]
    pub fn arguments(&self) -> &Map<String, Value> {
        self.call.arguments()
    }

    /// An argument, if it is text; otherwise the empty text.
    #[must_use]
    pub fn text(&self, argument: &str) -> &str {
        self.call.text(argument)
    }

    /// Who calls: the signed-in user, from the session token alone. Compare `tenant_id` and `oid`,
    /// never names.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        self.call.principal()
    }

    /// What the client can be asked. Asking what it cannot fails the call.
    #[must_use]
    pub fn client_capabilities(&self) -> ClientCapabilities {
        self.call.client_capabilities()
    }

    /// Through which client the call comes.
    #[must_use]
    pub fn client(&self) -> &Client {
        self.call.client()
    }

    /// What the functions of the server share.
    #[must_use]
    pub fn state(&self) -> &SharedState {
        &self.state
    }

    /// What the request says in `_meta` without what is MCP's own. It proves nothing.
    #[must_use]
    pub fn meta(&self) -> &Map<String, Value> {
        self.call.meta()
    }

    /// The id of the request, which the log, the audit log and the response carry, too.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        self.call.request_id()
    }

    /// The trace that the call is part of (W3C Trace Context section 3.2): what `_meta` says is nearer to the caller than what
    /// a proxy says.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        let said = self.meta().get("traceparent").and_then(Value::as_str);
        let said = said.filter(|value| RequestId::is_traceparent(value));
        said.or_else(|| self.request_id().traceparent())
    }

    /// Whether the call is over, although its function still runs: nobody waits for its result.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// When the call is given up.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The call is over. Like all that follow no method, so that no context has it.
    pub fn end(this: &Self) {
        this.over.store(true, Ordering::Release);
    }

    /// The arguments as their type.
    ///
    /// # Errors
    ///
    /// They do not fit; this says why.
    pub fn read<A: DeserializeOwned + 'static>(this: &Self) -> Result<A, CallError> {
        arguments::read(this.arguments())
    }

    /// The arguments, which are texts, as their type.
    ///
    /// # Errors
    ///
    /// They do not fit; this says why.
    pub fn read_texts<A: DeserializeOwned + 'static>(this: &Self) -> Result<A, CallError> {
        text_arguments::read(this.arguments())
    }

    /// What is to be completed, if this is a completion.
    #[must_use]
    pub fn completing(this: &Self) -> CompletionRequest {
        let argument = match &this.target {
            Target::CompletePrompt(_, argument) | Target::CompleteTemplate(_, argument) => argument,
            _ => "",
        };
        CompletionRequest {
            argument: argument.to_owned(),
            value: this.text(argument).to_owned(),
        }
    }

    /// Where the page of a list begins, if this is not the first.
    #[must_use]
    pub fn cursor(this: &Self) -> Option<String> {
        let cursor = this.arguments().get("cursor");
        cursor.and_then(Value::as_str).map(str::to_owned)
    }

    /// Those of the questions that were not answered yet.
    #[must_use]
    pub fn unanswered(
        this: &Self,
        mut questions: BTreeMap<String, InputRequest>,
    ) -> BTreeMap<String, InputRequest> {
        let meanwhile = this.meanwhile();
        questions.retain(|key, _| this.call.answer(key).is_none() && !meanwhile.contains_key(key));
        questions
    }

    /// The answer to the input request of this key, if there is one.
    #[must_use]
    pub fn answer(&self, key: &str) -> Option<InputResponse> {
        let answered = self.call.answer(key).cloned();
        let meanwhile = || Some(self.meanwhile().get(key)?.response().clone());
        answered.or_else(meanwhile)
    }

    /// What the client says in `_meta` of that answer.
    #[must_use]
    pub fn answer_meta(&self, key: &str) -> Map<String, Value> {
        let answered = self.call.answer_meta(key).cloned();
        let meanwhile = || Some(self.meanwhile().get(key)?.meta_members().clone());
        answered.or_else(meanwhile).unwrap_or_default()
    }

    /// Remembers the answers that a granted effect brought.
    pub fn on_effect_result(this: &Self, result: EffectResult) {
        if let EffectResult::Input(answers) = result {
            Self::add_answers(this, answers);
        }
    }

    /// Remembers these answers.
    fn add_answers(this: &Self, answers: BTreeMap<String, InputResult>) {
        this.meanwhile().extend(answers);
    }

    /// The panic of a function is the failure of its call, and of nothing else.
    #[must_use]
    pub fn panicked(this: &Self, panic: &(dyn Any + Send)) -> CallError {
        let said = caught::said(panic);
        let cure = match said.contains(NO_TOKIO) {
            true => {
                " It uses a crate of tokio: put `async_compat::Compat::new(..)` around its future."
            }
            false => "",
        };
        // The cure first: the line may be cut.
        CallError::Internal(format!(
            "What performs {:?} panicked.{cure} It said: {said}",
            this.target
        ))
    }

    /// What is put around a call has gone on with the context of another one.
    #[must_use]
    pub fn of_another(this: &Self) -> CallError {
        CallError::Internal(format!(
            "A function of `around` has gone on with {:?} in place of its own call: give `Next::run` the context that it was given.",
            this.target
        ))
    }

    /// Nothing performs this call: what was offered and what is called differ.
    #[must_use]
    pub fn unknown(this: &Self) -> CallError {
        CallError::Internal(format!("Nothing performs {:?}.", this.target))
    }

    fn meanwhile(&self) -> MutexGuard<'_, BTreeMap<String, InputResult>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context(target: Target, call: Call) -> CallContext {
        let invoke = Invoke {
            target,
            call,
            within: Duration::MAX,
        };
        CallContext::new(invoke, &SharedState::default())
    }

    #[test]
    fn answered_input_request_is_not_sent_again() {
        let call = Call::new("leave").with_answer("days", InputResponse::Declined);
        let context = context(Target::Tool("leave".to_owned()), call);
        let questions = || {
            let keys = ["days", "reason"].into_iter();
            keys.map(|key| (key.to_owned(), InputRequest::roots()))
                .collect()
        };
        assert_eq!(context.answer("days"), Some(InputResponse::Declined));
        assert_eq!(context.answer("reason"), None);
        let open: Vec<_> = CallContext::unanswered(&context, questions())
            .into_keys()
            .collect();
        assert_eq!(open, ["reason"]);
        let cancelled = InputResult::from(InputResponse::Cancelled).meta("com.example/a", 1);
        let answers = BTreeMap::from([("reason".to_owned(), cancelled)]);
        CallContext::add_answers(&context, answers);
        assert_eq!(context.answer("reason"), Some(InputResponse::Cancelled));
        assert_eq!(context.answer_meta("reason")["com.example/a"], 1);
        assert!(context.answer_meta("days").is_empty());
        assert!(CallContext::unanswered(&context, questions()).is_empty());
    }

    #[test]
    fn panic_is_told_in_its_words_and_that_of_a_crate_of_tokio_with_its_cure() {
        let context = context(Target::Tool("x".to_owned()), Call::new("x"));
        let told = |panic: &(dyn Any + Send)| match CallContext::panicked(&context, panic) {
            CallError::Internal(told) => told,
            other => panic!("{other:?}"),
        };
        let tokio =
            "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
        assert!(told(&tokio).contains("async_compat"));
        assert!(told(&tokio.to_owned()).contains("async_compat"));
        let other = told(&"index out of bounds");
        assert!(
            other.ends_with("It said: index out of bounds") && !other.contains("tokio"),
            "{other}"
        );
        assert!(told(&7).ends_with("without words"));
    }

    #[test]
    fn completion_gets_the_present_arguments() {
        let target = Target::CompletePrompt("review".to_owned(), "language".to_owned());
        let call = Call::new("review").with_argument("language", json!("ru"));
        let completing = CallContext::completing(&context(target, call));
        assert_eq!(completing.argument, "language");
        assert_eq!(completing.value, "ru");
    }
}
