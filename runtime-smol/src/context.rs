//! What the function of a tool, resource or prompt gets: who calls, and the effects that it may have.
//!
//! Source: MCP specification 2025-11-25, basic/utilities (progress), server/utilities (logging),
//! client/elicitation; 2026-07-28, basic/patterns (multi round-trip requests).

mod notify;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use async_channel::{Receiver, Sender, bounded};
use bytes::Bytes;
use entra_mcp_core::{
    catalog::{
        CallError, Effect, EffectResult, GraphError, GraphPage, GraphRequest, GraphResponse,
        InputRequest, InputResponse,
    },
    secret::Secret,
};
use entra_mcp_runtime::{
    handlers::{CallContext, ElicitResult, Interrupted, elicitation_schema_of},
    testing::ScriptedCall,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::graph_stream::GraphStream;

/// The context of a call. Clones are the same call.
///
/// What it knows it returns at once: `cx.principal()`, `cx.arguments()`,
/// `cx.is_cancelled()`, `cx.deadline()`. For the rest it asks the client or Entra and waits.
///
/// When the call is cancelled, its function's future is dropped at the next `await`.
///
/// ```
/// use entra_mcp_smol::{Context, CallError, LogLevel};
///
/// async fn count(cx: Context, (): ()) -> Result<u32, CallError> {
///     cx.log(LogLevel::Info, "I begin to count.").await?;
///     for number in 1..=3 {
///         cx.progress(f64::from(number), 3.0).await?;
///     }
///     Ok(3)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) call: Arc<CallContext>,
    effects: Effects,
}

/// An effect, and where it is waited for.
#[derive(Debug)]
pub(crate) struct EffectRequest {
    pub(crate) effect: Effect,
    pub(crate) result: Sender<Resumed>,
}

/// What a function goes on with.
#[derive(Debug)]
pub(crate) enum Resumed {
    /// What came of its effect.
    Done(EffectResult),
    /// An answer of Graph's to read.
    Stream(GraphStream),
}

/// How many effects of one call wait for its exchange to take them.
const EFFECTS: usize = 4;

/// The effects of a call, on their way to its exchange. Most calls have none, so the channel is made when somebody
/// wants it. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects(Arc<OnceLock<(Sender<EffectRequest>, Receiver<EffectRequest>)>>);

impl Effects {
    fn channel(&self) -> &(Sender<EffectRequest>, Receiver<EffectRequest>) {
        self.0.get_or_init(|| bounded(EFFECTS))
    }

    /// Where they arrive.
    pub(crate) fn receiver(&self) -> Receiver<EffectRequest> {
        self.channel().1.clone()
    }

    /// One that was requested already.
    pub(crate) fn requested(&self) -> Option<EffectRequest> {
        self.0.get()?.1.try_recv().ok()
    }

    /// Whoever waits for one, or will, is interrupted.
    pub(crate) fn end(&self) {
        if self.0.get().is_none() && Arc::strong_count(&self.0) == 1 {
            // Nobody has a context any more.
            return;
        }
        let (_, receiver) = self.channel();
        receiver.close();
        while receiver.try_recv().is_ok() {}
    }
}

impl From<ScriptedCall> for Context {
    fn from(call: ScriptedCall) -> Self {
        Self::new(Arc::new(call.into_call()), Effects::default())
    }
}

impl Context {
    entra_mcp_runtime::context_methods!(call);

    /// The context of a call with these effects.
    pub(crate) fn new(call: Arc<CallContext>, effects: Effects) -> Self {
        Self { call, effects }
    }

    /// Sends the client an input request: to ask the user, to sample its model, or to list its roots. The key is the function's
    /// own; each request of a call has another.
    ///
    /// **What stands before an input request may be done again.** Before 2026-07-28 the function waits here
    /// for the answer. Since then an input request ends the round: the function is dropped here, and when
    /// the client comes back with the answer, it is run again from its start and does not wait here.
    /// So ask first, and change things afterwards.
    ///
    /// ```
    /// use entra_mcp_smol::{Context, CallError, FieldSchema, ElicitationSchema, InputRequest};
    ///
    /// async fn delete(cx: Context, (): ()) -> Result<&'static str, CallError> {
    ///     let form = ElicitationSchema::new().field("sure", FieldSchema::boolean());
    ///     let input_request = InputRequest::form("Delete all of it?", form);
    ///     let answer = cx.request_input("sure", input_request).await?;
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
    pub async fn request_input(
        &self,
        key: &str,
        input_request: InputRequest,
    ) -> Result<InputResponse, Interrupted> {
        let questions = BTreeMap::from([(key.to_owned(), input_request)]);
        let mut answers = self.request_inputs(questions).await?;
        answers.remove(key).ok_or(Interrupted)
    }

    /// Asks several questions at once: since 2026-07-28 they are one round. See [`Context::request_input`].
    ///
    /// # Errors
    ///
    /// The call is over.
    pub async fn request_inputs(
        &self,
        questions: BTreeMap<String, InputRequest>,
    ) -> Result<BTreeMap<String, InputResponse>, Interrupted> {
        let keys: Vec<_> = questions.keys().cloned().collect();
        let open = CallContext::unanswered(&self.call, questions);
        if !open.is_empty() {
            let result = self.effect(Effect::RequestInput(open)).await?;
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
    /// use entra_mcp_smol::{Context, ElicitResult, CallError};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Leave {
    ///     /// How many days?
    ///     days: u8,
    /// }
    ///
    /// async fn request_leave(cx: Context, (): ()) -> Result<String, CallError> {
    ///     let leave = cx.elicit::<Leave>("leave", "How long will you be away?").await?;
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
    pub async fn elicit<T: DeserializeOwned + JsonSchema>(
        &self,
        key: &str,
        message: &str,
    ) -> Result<ElicitResult<T>, CallError> {
        let input_request = InputRequest::form(message, elicitation_schema_of::<T>()?);
        ElicitResult::read(self.request_input(key, input_request).await?)
    }

    /// An Entra token of the user for these permissions of one resource, such as `api://orders/Orders.Read` or
    /// `https://graph.microsoft.com/Mail.Read`: acquired, kept until it ends, and refreshed where needed. It must not leave this
    /// server. The session must have been granted scopes that stand for them (`ScopeDefinition`, `Tool::requires_scope`).
    ///
    /// # Errors
    ///
    /// There is none, with a message for the model and the user; or the call is over.
    pub async fn token(&self, scopes: &str) -> Result<Secret<String>, CallError> {
        match self.effect(Effect::Token(scopes.to_owned())).await? {
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
    pub async fn graph(&self, path: &str) -> Result<Bytes, CallError> {
        let request = GraphRequest::get_path(path);
        Ok(self.graph_send(request).await?.into_body())
    }

    /// Sends Microsoft Graph a request as the user.
    ///
    /// # Errors
    ///
    /// Graph refuses it, cannot be reached, or wants no requests at the moment; or the call is over. With `?` model and user
    /// are told why.
    pub async fn graph_send(&self, request: GraphRequest) -> Result<GraphResponse, GraphError> {
        match self.effect(Effect::Graph(Box::new(request))).await? {
            EffectResult::Graph(answer) => answer,
            _ => Err(Interrupted.into()),
        }
    }

    /// Asks Microsoft Graph for a page of a list. The page has the request for the next one.
    ///
    /// ```
    /// use entra_mcp_smol::{CallError, Context, GraphRequest};
    /// use serde_json::Value;
    ///
    /// /// No more than 100: each page costs time, and the model reads them all.
    /// async fn subjects(cx: Context) -> Result<Vec<Value>, CallError> {
    ///     let messages = GraphRequest::get(["v1.0", "me", "messages"]);
    ///     let mut next = Some(messages.query("$select", "subject").query("$top", 25));
    ///     let mut found = Vec::new();
    ///     while let Some(request) = next.filter(|_| found.len() < 100) {
    ///         let page = cx.graph_page(request).await?;
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
    pub async fn graph_page(&self, request: GraphRequest) -> Result<GraphPage, CallError> {
        let response = self.graph_send(request.clone()).await?;
        response.page_of(&request)
    }

    /// Sends Microsoft Graph a request as the user, and reads the answer piece by piece: for files and other things that are too
    /// large for the memory. It goes on as long as the call, and waits [`GraphRequest::timeout`] for each piece. A call may have four
    /// of them at once.
    ///
    /// ```
    /// use entra_mcp_smol::{CallError, Context, GraphRequest};
    ///
    /// /// How many lines has a file, of whatever size?
    /// async fn lines(cx: Context, id: &str) -> Result<usize, CallError> {
    ///     let content = GraphRequest::get(["v1.0", "me", "drive", "items", id, "content"]);
    ///     let mut content = cx.graph_stream(content.follow_link()).await?;
    ///     let mut lines = 0;
    ///     while let Some(piece) = content.next().await? {
    ///         lines += piece.iter().filter(|byte| **byte == b'\n').count();
    ///     }
    ///     Ok(lines)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as of [`Context::graph_send`]; or the call reads as many as it may.
    pub async fn graph_stream(&self, request: GraphRequest) -> Result<GraphStream, GraphError> {
        match self.resumed(Effect::GraphStream(Box::new(request))).await? {
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
    pub async fn effect(&self, effect: Effect) -> Result<EffectResult, Interrupted> {
        Ok(match self.resumed(effect).await? {
            Resumed::Done(result) => result,
            Resumed::Stream(stream) => EffectResult::Graph(Ok(stream.head().clone())),
        })
    }

    async fn resumed(&self, effect: Effect) -> Result<Resumed, Interrupted> {
        let effect = match CallContext::perform_scripted(&self.call, effect) {
            Ok(result) => return Ok(Resumed::Done(result)),
            Err(effect) => effect,
        };
        let (result, resume) = bounded(1);
        let requested = EffectRequest { effect, result };
        let (effects, _) = self.effects.channel();
        effects.send(requested).await.map_err(|_| Interrupted)?;
        resume.recv().await.map_err(|_| Interrupted)
    }
}
