//! A call of a function under way: what it knows without asking anybody, and what it asked already.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use entra_mcp_core::{
    ask::{Perform, Target},
    catalog::{Abilities, Answer, Call, Failure, Granted, Principal, Question},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Completing, arguments};

/// No call takes longer: a time that the clock can tell.
const LONGEST: Duration = Duration::from_hours(24);

/// What a call knows of itself: a context is this and more.
#[derive(Debug)]
pub struct Underway {
    target: Target,
    call: Call,
    deadline: Instant,
    over: AtomicBool,
    /// What the client answered meanwhile.
    answers: Mutex<BTreeMap<String, Answer>>,
}

/// The call is over: it was cancelled, the client went away or its time is up; or the question was
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

impl From<Interrupted> for Failure {
    fn from(_: Interrupted) -> Self {
        Self::Told("The call was interrupted.".to_owned())
    }
}

impl Underway {
    /// A call that begins now.
    #[must_use]
    pub fn new(perform: Perform) -> Self {
        Self {
            target: perform.target,
            call: perform.call,
            deadline: Instant::now() + perform.within.min(LONGEST),
            over: AtomicBool::new(false),
            answers: Mutex::default(),
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

    /// Who calls: the signed-in person, from the session token alone. Compare `tenant_id` and `oid`,
    /// never names.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        self.call.principal()
    }

    /// What the client can be asked. Asking what it cannot fails the call.
    #[must_use]
    pub fn abilities(&self) -> Abilities {
        self.call.abilities()
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
    /// They do not fit: why, in words.
    pub fn read<A: DeserializeOwned + 'static>(this: &Self) -> Result<A, Failure> {
        arguments::read(this.arguments())
    }

    /// What is to be completed, if this is a completion.
    #[must_use]
    pub fn completing(this: &Self) -> Completing {
        let argument = match &this.target {
            Target::CompletePrompt(_, argument) | Target::CompleteTemplate(_, argument) => argument,
            _ => "",
        };
        Completing {
            argument: argument.to_owned(),
            value: this.text(argument).to_owned(),
        }
    }

    /// Those of the questions that were not answered yet.
    #[must_use]
    pub fn unanswered(
        this: &Self,
        mut questions: BTreeMap<String, Question>,
    ) -> BTreeMap<String, Question> {
        let meanwhile = this.meanwhile();
        questions.retain(|key, _| this.call.answer(key).is_none() && !meanwhile.contains_key(key));
        questions
    }

    /// The answer to the question of this key, if there is one.
    #[must_use]
    pub fn answer(&self, key: &str) -> Option<Answer> {
        let answered = self.call.answer(key).cloned();
        answered.or_else(|| self.meanwhile().get(key).cloned())
    }

    /// Remembers the answers that a granted wish brought.
    pub fn learn_of(this: &Self, granted: Granted) {
        if let Granted::Answered(answers) = granted {
            Self::learn(this, answers);
        }
    }

    /// Remembers these answers.
    fn learn(this: &Self, answers: BTreeMap<String, Answer>) {
        this.meanwhile().extend(answers);
    }

    /// The panic of a function is the failure of its call, and of nothing else.
    #[must_use]
    pub fn panicked(this: &Self) -> Failure {
        Failure::Internal(format!("What performs {:?} panicked.", this.target))
    }

    /// Nothing performs this call: what was offered and what is called differ.
    #[must_use]
    pub fn unknown(this: &Self) -> Failure {
        Failure::Internal(format!("Nothing performs {:?}.", this.target))
    }

    fn meanwhile(&self) -> MutexGuard<'_, BTreeMap<String, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn underway(target: Target, call: Call) -> Underway {
        Underway::new(Perform {
            target,
            call,
            within: Duration::MAX,
        })
    }

    #[test]
    fn a_question_that_was_answered_is_not_asked_again() {
        let call = Call::new("leave").with_answer("days", Answer::Declined);
        let underway = underway(Target::Tool("leave".to_owned()), call);
        let questions = || {
            let keys = ["days", "reason"].into_iter();
            keys.map(|key| (key.to_owned(), Question::roots()))
                .collect()
        };
        assert_eq!(underway.answer("days"), Some(Answer::Declined));
        assert_eq!(underway.answer("reason"), None);
        let open: Vec<_> = Underway::unanswered(&underway, questions())
            .into_keys()
            .collect();
        assert_eq!(open, ["reason"]);
        let answers = BTreeMap::from([("reason".to_owned(), Answer::Cancelled)]);
        Underway::learn(&underway, answers);
        assert_eq!(underway.answer("reason"), Some(Answer::Cancelled));
        assert!(Underway::unanswered(&underway, questions()).is_empty());
    }

    #[test]
    fn a_completion_knows_what_was_entered_so_far() {
        let target = Target::CompletePrompt("review".to_owned(), "language".to_owned());
        let call = Call::new("review").with_argument("language", json!("ru"));
        let completing = Underway::completing(&underway(target, call));
        assert_eq!(completing.argument, "language");
        assert_eq!(completing.value, "ru");
    }
}
