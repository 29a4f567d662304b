//! What a function that performs a call gets: who calls, and the means to wish for things.
//!
//! Source: MCP specification 2025-11-25, basic/utilities (progress), server/utilities (logging),
//! client/elicitation; 2026-07-28, basic/patterns (multi round-trip requests).

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, mpsc::sync_channel},
};

use bytes::Bytes;
use entra_mcp_core::{
    catalog::{Answer, Change, Failure, Granted, LogLevel, Question, Wish},
    secret::Secret,
};
use entra_mcp_host::library::{Elicited, Interrupted, Underway, form_of};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    hub::Mailbox,
    perform::{self, CallNumber, FromCall, Handler},
};

/// The context of a call. Clones are the same call.
///
/// What it knows without asking anybody it has of [`Underway`]: `cx.principal()`, `cx.arguments()`,
/// `cx.is_cancelled()`, `cx.deadline()`. For the rest it asks the client or Entra and waits.
///
/// When the call is cancelled, `is_cancelled` tells it, and every wish is an error: with `?` the function
/// ends there. What it still returns is ignored.
///
/// ```
/// use entra_mcp_blocking::{Context, Failure, LogLevel};
///
/// fn count(cx: &Context, (): ()) -> Result<u32, Failure> {
///     cx.log(LogLevel::Info, "I begin to count.")?;
///     for number in 1..=3 {
///         cx.progress(f64::from(number), 3.0)?;
///     }
///     Ok(3)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    underway: Arc<Underway>,
    mailbox: Mailbox,
    number: CallNumber,
}

impl Deref for Context {
    type Target = Underway;

    fn deref(&self) -> &Underway {
        &self.underway
    }
}

impl Context {
    /// The context of the call of this number, whose wishes go into that mailbox.
    pub(crate) fn new(underway: Arc<Underway>, mailbox: Mailbox, number: CallNumber) -> Self {
        Self {
            underway,
            mailbox,
            number,
        }
    }

    /// Runs a function to its end, and says what came of it.
    pub(crate) fn perform(&self, handler: &Handler) {
        let result = perform::guarded(handler, self);
        // If nobody reads it, the call matters no more.
        let _ = self.mailbox.call(self.number, FromCall::Over(result));
    }

    /// Tells the client how far the call is, if it wants to know. `progress` grows; `total` is what it
    /// will be in the end, if that is known.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn progress(
        &self,
        progress: f64,
        total: impl Into<Option<f64>>,
    ) -> Result<(), Interrupted> {
        let wish = Wish::progress(progress, total.into());
        self.wish(wish).map(drop)
    }

    /// The same in words, too.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn progress_in_words(
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
        self.wish(wish).map(drop)
    }

    /// Sends the client a line of the log, if it wants lines of that level. Never log a secret so.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn log(&self, level: LogLevel, line: impl Into<Value>) -> Result<(), Interrupted> {
        let wish = Wish::Log(level, line.into());
        self.wish(wish).map(drop)
    }

    /// Tells clients that listen for it that something changed. Whoever listens is told, so announce
    /// nothing that is one person's own.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn announce(&self, change: Change) -> Result<(), Interrupted> {
        self.wish(Wish::Announce(change)).map(drop)
    }

    /// Asks the client a question: the person, its model, or for its roots. The key is the function's
    /// own; each question of a call has another.
    ///
    /// **What stands before a question may be done again.** Before 2026-07-28 the function waits here
    /// for the answer. Since then a question ends the round: this is an error here, and when
    /// the client comes back with the answer, it is run again from its start and does not wait here.
    /// So ask first, and change things afterwards.
    ///
    /// ```
    /// use entra_mcp_blocking::{Context, Failure, Field, Form, Question};
    ///
    /// fn delete(cx: &Context, (): ()) -> Result<&'static str, Failure> {
    ///     let form = Form::new().field("sure", Field::boolean());
    ///     let question = Question::form("Delete all of it?", form);
    ///     let answer = cx.ask("sure", question)?;
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
    pub fn ask(&self, key: &str, question: Question) -> Result<Answer, Interrupted> {
        let questions = BTreeMap::from([(key.to_owned(), question)]);
        let mut answers = self.ask_all(questions)?;
        answers.remove(key).ok_or(Interrupted)
    }

    /// Asks several questions at once: since 2026-07-28 they are one round. See [`Context::ask`].
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn ask_all(
        &self,
        questions: BTreeMap<String, Question>,
    ) -> Result<BTreeMap<String, Answer>, Interrupted> {
        let keys: Vec<_> = questions.keys().cloned().collect();
        let open = Underway::unanswered(&self.underway, questions);
        if !open.is_empty() {
            let granted = self.wish(Wish::Ask(open))?;
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
    /// use entra_mcp_blocking::{Context, Elicited, Failure};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Leave {
    ///     /// How many days?
    ///     days: u8,
    /// }
    ///
    /// fn request_leave(cx: &Context, (): ()) -> Result<String, Failure> {
    ///     let leave = cx.elicit::<Leave>("leave", "How long will you be away?")?;
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
    pub fn elicit<T: DeserializeOwned + JsonSchema>(
        &self,
        key: &str,
        message: &str,
    ) -> Result<Elicited<T>, Failure> {
        let question = Question::form(message, form_of::<T>()?);
        Elicited::read(self.ask(key, question)?)
    }

    /// An Entra token of the person for these scopes, such as `https://graph.microsoft.com/Mail.Read`:
    /// acquired, and refreshed where needed. It must not leave this server.
    ///
    /// # Errors
    ///
    /// There is none: why, in words for the model and the person; or the call is over.
    pub fn token(&self, scopes: &str) -> Result<Secret<String>, Failure> {
        match self.wish(Wish::Token(scopes.to_owned()))? {
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
    pub fn graph(&self, path: &str) -> Result<Bytes, Failure> {
        match self.wish(Wish::Graph(path.to_owned()))? {
            Granted::Graph(body) => body.map_err(Failure::Told),
            _ => Err(Interrupted.into()),
        }
    }

    /// Wishes for something, and waits until it is granted.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn wish(&self, wish: Wish) -> Result<Granted, Interrupted> {
        if self.is_cancelled() {
            return Err(Interrupted);
        }
        let (granted, grant) = sync_channel(1);
        let wished = FromCall::Wished(wish, granted);
        let sent = self.mailbox.call(self.number, wished);
        sent.map_err(|_| Interrupted)?;
        grant.recv().map_err(|_| Interrupted)
    }
}
