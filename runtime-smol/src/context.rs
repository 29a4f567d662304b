//! What a function that performs a call gets: who calls, and the means to wish for things.
//!
//! Source: MCP specification 2025-11-25, basic/utilities (progress), server/utilities (logging),
//! client/elicitation; 2026-07-28, basic/patterns (multi round-trip requests).

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use async_channel::{Receiver, Sender, bounded};
use bytes::Bytes;
use entra_mcp_core::{
    catalog::{Answer, Change, Failure, Granted, LogLevel, Question, Wish},
    secret::Secret,
};
use entra_mcp_host::library::{Elicited, Interrupted, Underway, form_of};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The context of a call. Clones are the same call.
///
/// What it knows without asking anybody it has of [`Underway`]: `cx.principal()`, `cx.arguments()`,
/// `cx.is_cancelled()`, `cx.deadline()`. For the rest it asks the client or Entra and waits.
///
/// When the call is cancelled, its function's future is dropped at the next `await`.
///
/// ```
/// use entra_mcp_smol::{Context, Failure, LogLevel};
///
/// async fn count(cx: Context, (): ()) -> Result<u32, Failure> {
///     cx.log(LogLevel::Info, "I begin to count.").await?;
///     for number in 1..=3 {
///         cx.progress(f64::from(number), 3.0).await?;
///     }
///     Ok(3)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    underway: Arc<Underway>,
    wishes: Sender<Wished>,
}

/// A wish, and where it is waited for.
#[derive(Debug)]
pub(crate) struct Wished {
    pub(crate) wish: Wish,
    pub(crate) granted: Sender<Granted>,
}

/// How many wishes of one call wait for its exchange to take them.
const WISHES: usize = 4;

impl Deref for Context {
    type Target = Underway;

    fn deref(&self) -> &Underway {
        &self.underway
    }
}

impl Context {
    /// A context, and where its wishes arrive.
    pub(crate) fn new(underway: Arc<Underway>) -> (Self, Receiver<Wished>) {
        let (wishes, wished) = bounded(WISHES);
        (Self { underway, wishes }, wished)
    }

    /// Tells the client how far the call is, if it wants to know. `progress` grows; `total` is what it
    /// will be in the end, if that is known.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub async fn progress(
        &self,
        progress: f64,
        total: impl Into<Option<f64>>,
    ) -> Result<(), Interrupted> {
        let wish = Wish::progress(progress, total.into());
        self.wish(wish).await.map(drop)
    }

    /// The same in words, too.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub async fn progress_in_words(
        &self,
        progress: f64,
        total: impl Into<Option<f64>>,
        words: impl Into<String>,
    ) -> Result<(), Interrupted> {
        let wish = Wish::Progress {
            progress,
            total: total.into(),
            message: Some(words.into()),
        };
        self.wish(wish).await.map(drop)
    }

    /// Sends the client a line of the log, if it wants lines of that level. Never log a secret so.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub async fn log(&self, level: LogLevel, line: impl Into<Value>) -> Result<(), Interrupted> {
        let wish = Wish::Log(level, line.into());
        self.wish(wish).await.map(drop)
    }

    /// Tells clients that listen for it that something changed. Whoever listens is told, so announce
    /// nothing that is one person's own.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub async fn announce(&self, change: Change) -> Result<(), Interrupted> {
        self.wish(Wish::Announce(change)).await.map(drop)
    }

    /// Asks the client a question: the person, its model, or for its roots. The key is the function's
    /// own; each question of a call has another.
    ///
    /// **What stands before a question may be done again.** Before 2026-07-28 the function waits here
    /// for the answer. Since then a question ends the round: the function is dropped here, and when
    /// the client comes back with the answer, it is run again from its start and does not wait here.
    /// So ask first, and change things afterwards.
    ///
    /// ```
    /// use entra_mcp_smol::{Context, Failure, Field, Form, Question};
    ///
    /// async fn delete(cx: Context, (): ()) -> Result<&'static str, Failure> {
    ///     let form = Form::new().field("sure", Field::boolean());
    ///     let question = Question::form("Delete all of it?", form);
    ///     let answer = cx.ask("sure", question).await?;
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
    pub async fn ask(&self, key: &str, question: Question) -> Result<Answer, Interrupted> {
        let questions = BTreeMap::from([(key.to_owned(), question)]);
        let mut answers = self.ask_all(questions).await?;
        answers.remove(key).ok_or(Interrupted)
    }

    /// Asks several questions at once: since 2026-07-28 they are one round. See [`Context::ask`].
    ///
    /// # Errors
    ///
    /// The call is over.
    pub async fn ask_all(
        &self,
        questions: BTreeMap<String, Question>,
    ) -> Result<BTreeMap<String, Answer>, Interrupted> {
        let keys: Vec<_> = questions.keys().cloned().collect();
        let open = Underway::unanswered(&self.underway, questions);
        if !open.is_empty() {
            let granted = self.wish(Wish::Ask(open)).await?;
            Underway::learn_of(&self.underway, granted);
        }
        let answer = |key: String| {
            let answer = self.underway.answer(&key).ok_or(Interrupted)?;
            Ok((key, answer))
        };
        keys.into_iter().map(answer).collect()
    }

    /// Asks the person to fill in a form that is made of a type's fields: text, numbers, yes or no,
    /// choices, and an `Option` of each. Never ask for secrets so. See [`Context::ask`].
    ///
    /// ```
    /// use entra_mcp_smol::{Context, Elicited, Failure};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Leave {
    ///     /// How many days?
    ///     days: u8,
    /// }
    ///
    /// async fn request_leave(cx: Context, (): ()) -> Result<String, Failure> {
    ///     let leave = cx.elicit::<Leave>("leave", "How long will you be away?").await?;
    ///     match leave {
    ///         Elicited::Accepted(leave) => Ok(format!("{} days it is.", leave.days)),
    ///         Elicited::Declined | Elicited::Cancelled => Ok("You stay, then.".to_owned()),
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
    ) -> Result<Elicited<T>, Failure> {
        let question = Question::form(message, form_of::<T>()?);
        Elicited::read(self.ask(key, question).await?)
    }

    /// An Entra token of the person for these scopes, such as `https://graph.microsoft.com/Mail.Read`:
    /// acquired, and refreshed where needed. It must not leave this server.
    ///
    /// # Errors
    ///
    /// There is none: why, in words for the model and the person; or the call is over.
    pub async fn token(&self, scopes: &str) -> Result<Secret<String>, Failure> {
        match self.wish(Wish::Token(scopes.to_owned())).await? {
            Granted::Token(token) => token.map_err(Failure::Told),
            _ => Err(Interrupted.into()),
        }
    }

    /// Asks Microsoft Graph as the person: a GET of this path and query, such as `v1.0/me`. Returns the
    /// body of the answer.
    ///
    /// # Errors
    ///
    /// There is none: why, in words for the model and the person; or the call is over.
    pub async fn graph(&self, path: &str) -> Result<Bytes, Failure> {
        match self.wish(Wish::Graph(path.to_owned())).await? {
            Granted::Graph(body) => body.map_err(Failure::Told),
            _ => Err(Interrupted.into()),
        }
    }

    /// Wishes for something, and waits until it is granted.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub async fn wish(&self, wish: Wish) -> Result<Granted, Interrupted> {
        let (granted, grant) = bounded(1);
        let wished = Wished { wish, granted };
        self.wishes.send(wished).await.map_err(|_| Interrupted)?;
        grant.recv().await.map_err(|_| Interrupted)
    }
}
