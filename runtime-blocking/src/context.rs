//! What the function of a tool, resource or prompt gets: who calls, and the effects that it may have.
//!
//! Source: MCP specification 2025-11-25, basic/utilities (progress), server/utilities (logging),
//! client/elicitation; 2026-07-28, basic/patterns (multi round-trip requests).

mod notify;

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc::sync_channel},
};

use bytes::Bytes;
use entra_mcp_core::{
    catalog::{
        CallError, Effect, EffectResult, GraphError, GraphPage, GraphRequest, GraphResponse,
        InputRequest, InputResponse,
    },
    secret::Secret,
};
use entra_mcp_runtime::{
    handlers::{
        CallContext, ElicitResult, Interrupted, call_span, elicitation_schema_of, record_outcome,
    },
    testing::ScriptedCall,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    graph_stream::GraphStream,
    hand_over::HandOver,
    invoke::{self, BoxedHandler, CallNumber, HandlerMessage, Resumed},
    mailbox::Mailbox,
};

/// The context of a call. Clones are the same call.
///
/// What it knows it returns at once: `cx.principal()`, `cx.arguments()`,
/// `cx.is_cancelled()`, `cx.deadline()`. For the rest it asks the client or Entra and waits.
///
/// When the call is cancelled, `is_cancelled` tells it, and every effect is an error: with `?` the function
/// ends there. What it still returns is ignored.
///
/// ```
/// use entra_mcp_blocking::{Context, CallError, LogLevel};
///
/// fn count(cx: &Context, (): ()) -> Result<u32, CallError> {
///     cx.log(LogLevel::Info, "I begin to count.")?;
///     for number in 1..=3 {
///         cx.progress(f64::from(number), 3.0)?;
///     }
///     Ok(3)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) call: Arc<CallContext>,
    mailbox: Mailbox,
    number: CallNumber,
    /// Whoever works on the exchange of the call, if the function has the thread of that.
    hand_over: Option<Arc<dyn HandOver>>,
}

impl From<ScriptedCall> for Context {
    fn from(call: ScriptedCall) -> Self {
        Self::new(Arc::new(call.into_call()), Mailbox::default(), 0, None)
    }
}

impl Context {
    entra_mcp_runtime::context_methods!(call);

    /// The context of the call of this number, whose effects go into that mailbox.
    pub(crate) fn new(
        call: Arc<CallContext>,
        mailbox: Mailbox,
        number: CallNumber,
        hand_over: Option<Arc<dyn HandOver>>,
    ) -> Self {
        Self {
            call,
            mailbox,
            number,
            hand_over,
        }
    }

    /// Runs a function to its end, and says what came of it.
    pub(crate) fn perform(&self, handler: &BoxedHandler) {
        let result = call_span(&self.call).in_scope(|| {
            let result = invoke::guarded(handler, self);
            record_outcome(&result);
            result
        });
        // If nobody reads it, the call matters no more.
        let _ = self
            .mailbox
            .call(self.number, HandlerMessage::Finished(result));
    }

    /// Sends the client an input request: to ask the user, to sample its model, or to list its roots. The key is the function's
    /// own; each request of a call has another.
    ///
    /// **What stands before an input request may be done again.** Before 2026-07-28 the function waits here
    /// for the answer. Since then an input request ends the round: this is an error here, and when
    /// the client comes back with the answer, it is run again from its start and does not wait here.
    /// So ask first, and change things afterwards.
    ///
    /// ```
    /// use entra_mcp_blocking::{Context, CallError, FieldSchema, ElicitationSchema, InputRequest};
    ///
    /// fn delete(cx: &Context, (): ()) -> Result<&'static str, CallError> {
    ///     let form = ElicitationSchema::new().field("sure", FieldSchema::boolean());
    ///     let input_request = InputRequest::form("Delete all of it?", form);
    ///     let answer = cx.request_input("sure", input_request)?;
    ///     if answer.get("sure") != Some(&true.into()) {
    ///         return Ok("Nothing was deleted.");
    ///     }
    ///     // Here it is deleted, once.
    ///     Ok("It is gone.")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn request_input(
        &self,
        key: &str,
        input_request: InputRequest,
    ) -> Result<InputResponse, Interrupted> {
        let questions = BTreeMap::from([(key.to_owned(), input_request)]);
        let mut answers = self.request_inputs(questions)?;
        answers.remove(key).ok_or(Interrupted)
    }

    /// Asks several questions at once: since 2026-07-28 they are one round. See [`Context::request_input`].
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn request_inputs(
        &self,
        questions: BTreeMap<String, InputRequest>,
    ) -> Result<BTreeMap<String, InputResponse>, Interrupted> {
        let keys: Vec<_> = questions.keys().cloned().collect();
        let open = CallContext::unanswered(&self.call, questions);
        if !open.is_empty() {
            let result = self.effect(Effect::RequestInput(open))?;
            CallContext::on_effect_result(&self.call, result);
        }
        let answer = |key: String| {
            let answer = self.call.answer(&key).ok_or(Interrupted)?;
            Ok((key, answer))
        };
        keys.into_iter().map(answer).collect()
    }

    /// Asks the user to fill in a form that is made of a type's fields: text, numbers, yes or no,
    /// choices, and an `Option` of each. Never ask for secrets so. See [`Context::request_input`].
    ///
    /// ```
    /// use entra_mcp_blocking::{Context, ElicitResult, CallError};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Leave {
    ///     /// How many days?
    ///     days: u8,
    /// }
    ///
    /// fn request_leave(cx: &Context, (): ()) -> Result<String, CallError> {
    ///     let leave = cx.elicit::<Leave>("leave", "How long will you be away?")?;
    ///     match leave {
    ///         ElicitResult::Accepted(leave) => Ok(format!("{} days it is.", leave.days)),
    ///         _ => Ok("You stay, then.".to_owned()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The type is none that a form can ask for, the answer does not fit it, or the call is over.
    pub fn elicit<T: DeserializeOwned + JsonSchema>(
        &self,
        key: &str,
        message: &str,
    ) -> Result<ElicitResult<T>, CallError> {
        let input_request = InputRequest::form(message, elicitation_schema_of::<T>()?);
        ElicitResult::read(self.request_input(key, input_request)?)
    }

    /// An Entra token of the user for these permissions of one resource, such as `api://orders/Orders.Read` or
    /// `https://graph.microsoft.com/Mail.Read`: acquired, kept until it ends, and refreshed where needed. It must not leave this
    /// server. The session must have been granted scopes that stand for them (`ScopeDefinition`, `Tool::requires_scope`).
    ///
    /// # Errors
    ///
    /// There is none, with a message for the model and the user; or the call is over.
    pub fn token(&self, scopes: &str) -> Result<Secret<String>, CallError> {
        match self.effect(Effect::Token(scopes.to_owned()))? {
            EffectResult::Token(token) => token.map_err(CallError::Message),
            _ => Err(Interrupted.into()),
        }
    }

    /// Asks Microsoft Graph as the user: a GET of this path and query, such as `v1.0/me`. Returns the
    /// body of the answer.
    ///
    /// # Errors
    ///
    /// There is none, with a message for the model and the user; or the call is over.
    pub fn graph(&self, path: &str) -> Result<Bytes, CallError> {
        let request = GraphRequest::get_path(path);
        Ok(self.graph_send(request)?.into_body())
    }

    /// Sends Microsoft Graph a request as the user.
    ///
    /// # Errors
    ///
    /// Graph refuses it, cannot be reached, or wants no requests at the moment; or the call is over. With `?` model and user
    /// are told why.
    pub fn graph_send(&self, request: GraphRequest) -> Result<GraphResponse, GraphError> {
        match self.effect(Effect::Graph(Box::new(request)))? {
            EffectResult::Graph(answer) => answer,
            _ => Err(Interrupted.into()),
        }
    }

    /// Asks Microsoft Graph for a page of a list. The page has the request for the next one.
    ///
    /// ```
    /// use entra_mcp_blocking::{CallError, Context, GraphRequest};
    /// use serde_json::Value;
    ///
    /// /// No more than 100: each page costs time, and the model reads them all.
    /// fn subjects(cx: &Context) -> Result<Vec<Value>, CallError> {
    ///     let messages = GraphRequest::get(["v1.0", "me", "messages"]);
    ///     let mut next = Some(messages.query("$select", "subject").query("$top", 25));
    ///     let mut found = Vec::new();
    ///     while let Some(request) = next.filter(|_| found.len() < 100) {
    ///         let page = cx.graph_page(request)?;
    ///         found.extend(page.value);
    ///         next = page.next;
    ///     }
    ///     Ok(found)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as of [`Context::graph_send`]; or the answer is no list.
    pub fn graph_page(&self, request: GraphRequest) -> Result<GraphPage, CallError> {
        let response = self.graph_send(request.clone())?;
        response.page_of(&request)
    }

    /// Sends Microsoft Graph a request as the user, and reads the answer piece by piece: for files and other things that are too
    /// large for the memory. It goes on as long as the call, and waits [`GraphRequest::timeout`] for each piece. A call may have four
    /// of them at once.
    ///
    /// ```
    /// use entra_mcp_blocking::{CallError, Context, GraphRequest};
    ///
    /// /// How many lines has a file, of whatever size?
    /// fn lines(cx: &Context, id: &str) -> Result<usize, CallError> {
    ///     let content = GraphRequest::get(["v1.0", "me", "drive", "items", id, "content"]);
    ///     let mut content = cx.graph_stream(content.follow_link())?;
    ///     let mut lines = 0;
    ///     while let Some(piece) = content.next()? {
    ///         lines += piece.iter().filter(|byte| **byte == b'\n').count();
    ///     }
    ///     Ok(lines)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as of [`Context::graph_send`]; or the call reads as many as it may.
    pub fn graph_stream(&self, request: GraphRequest) -> Result<GraphStream, GraphError> {
        match self.resumed(Effect::GraphStream(Box::new(request)))? {
            Resumed::Stream(stream) => Ok(stream),
            Resumed::Done(EffectResult::Graph(answer)) => Ok(GraphStream::of_whole(answer?)),
            Resumed::Done(_) => Err(Interrupted.into()),
        }
    }

    /// Has an effect, and waits for its result. Of [`Effect::GraphStream`] that is the head alone: use
    /// [`Self::graph_stream`].
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn effect(&self, effect: Effect) -> Result<EffectResult, Interrupted> {
        Ok(match self.resumed(effect)? {
            Resumed::Done(result) => result,
            Resumed::Stream(stream) => EffectResult::Graph(Ok(stream.head().clone())),
        })
    }

    fn resumed(&self, effect: Effect) -> Result<Resumed, Interrupted> {
        if self.is_cancelled() {
            return Err(Interrupted);
        }
        let effect = match CallContext::perform_scripted(&self.call, effect) {
            Ok(result) => return Ok(Resumed::Done(result)),
            Err(effect) => effect,
        };
        if let Some(exchange) = &self.hand_over {
            // Somebody must see to the effect while the function waits.
            let handed_over = Arc::clone(exchange).hand_over();
            handed_over.map_err(|_| Interrupted)?;
        }
        let (result, resume) = sync_channel(1);
        let requested = HandlerMessage::Effect(effect, result);
        let sent = self.mailbox.call(self.number, requested);
        sent.map_err(|_| Interrupted)?;
        resume.recv().map_err(|_| Interrupted)
    }
}
