//! Ends what a user has connected: one session after the other, then the approvals. What it ends was read from the
//! user's own records just before.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{loading::Loaded, user::ConnectionsUser};
use crate::{
    ask::Store,
    event::Answer,
    id::SessionId,
    log_event::{Field, LogEvent, LogEventId},
    oauth::{
        length_prefixed,
        user_consents::{UserConsent, UserConsents, WritingConsents},
    },
    session::{
        ending::EndingSession,
        record::{Hash, Outline},
    },
    step::{Cx, Progress},
};

/// What is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Session(SessionId),
    /// The approvals of one client that returns to one place.
    Consent(String),
    Everything,
}

impl Target {
    /// Reads the value of a button.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.split_once('.') {
            None => (text == "all").then_some(Self::Everything),
            Some(("session", id)) => SessionId::parse(id).map(Self::Session),
            Some(("approval", name)) => Some(Self::Consent(name.to_owned())),
            Some(_) => None,
        }
    }

    /// Returns the value of the button of a session.
    pub(super) fn of_session(id: SessionId) -> String {
        format!("session.{id}")
    }

    /// Returns the value of the button of an approval.
    pub(super) fn of_consent(consent: &UserConsent) -> String {
        format!("approval.{}", name_of(consent))
    }
}

/// By what the page names an approval.
fn name_of(consent: &UserConsent) -> String {
    let fields = [&consent.client.0[..], consent.redirect_uri.as_bytes()];
    URL_SAFE_NO_PAD.encode(Hash::of(&length_prefixed::pack(&fields)).0)
}

/// The store did not end all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotEnded;

/// What is being ended.
#[derive(Debug)]
pub(crate) struct Ending {
    user: ConnectionsUser,
    rest: Vec<(SessionId, Outline)>,
    /// The approvals that are left, and how many go.
    consents: Option<(Vec<Store>, usize)>,
    state: State,
}

#[derive(Debug)]
enum State {
    Session(EndingSession),
    Consents(WritingConsents, usize),
}

type Step = Progress<Ending, Result<(), NotEnded>>;

impl Ending {
    /// Ends it; ready at once if there is nothing of it.
    pub(super) fn start(loaded: Loaded, target: &Target, cx: &mut Cx<'_>) -> Step {
        let is_meant = |id: SessionId| match target {
            Target::Session(meant) => *meant == id,
            Target::Everything => true,
            Target::Consent(_) => false,
        };
        let consents = consents_left(&loaded, target, cx);
        let sessions = loaded
            .sessions
            .into_iter()
            .map(|session| (session.listed.id, session.outline));
        let rest = sessions.filter(|(id, _)| is_meant(*id)).collect();
        Self::next(loaded.user, rest, consents, cx)
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Step {
        match self.state {
            State::Session(ending) => match ending.handle(answer, cx) {
                Ok(()) => Self::next(self.user, self.rest, self.consents, cx),
                Err(_) => Progress::Ready(Err(NotEnded)),
            },
            State::Consents(writing, count) => match writing.handle(answer, cx) {
                Progress::Pending(writing) => Progress::Pending(Self {
                    state: State::Consents(writing, count),
                    ..self
                }),
                Progress::Ready(Ok(())) => {
                    let withdrawn = LogEvent::new(LogEventId::ConsentWithdrawn)
                        .with(Field::Subject, self.user.subject(cx.env.server))
                        .with(Field::Count, count.to_string());
                    cx.log(withdrawn);
                    Progress::Ready(Ok(()))
                }
                Progress::Ready(Err(_)) => Progress::Ready(Err(NotEnded)),
            },
        }
    }

    fn next(
        user: ConnectionsUser,
        mut rest: Vec<(SessionId, Outline)>,
        mut consents: Option<(Vec<Store>, usize)>,
        cx: &mut Cx<'_>,
    ) -> Step {
        let state = if let Some((id, outline)) = rest.pop() {
            State::Session(EndingSession::start(id, &outline, cx))
        } else if let Some((operations, count)) = consents.take()
            && let Some(writing) = WritingConsents::start(operations, cx)
        {
            State::Consents(writing, count)
        } else {
            return Progress::Ready(Ok(()));
        };
        Progress::Pending(Self {
            user,
            rest,
            consents,
            state,
        })
    }
}

/// What is left of the approvals, to be written; `None` if none goes.
fn consents_left(loaded: &Loaded, target: &Target, cx: &mut Cx<'_>) -> Option<(Vec<Store>, usize)> {
    let (user, now) = (&loaded.user.user, cx.env.now.unix);
    let mut left: UserConsents = loaded.approved.consents.clone();
    let is_meant = |consent: &UserConsent| match target {
        Target::Consent(name) => *name == name_of(consent),
        Target::Everything => true,
        Target::Session(_) => false,
    };
    let meant = loaded
        .approved
        .consents
        .list(now)
        .filter(|one| is_meant(one));
    let count = meant
        .filter(|one| left.withdraw(&one.client, &one.redirect_uri))
        .count();
    if count == 0 {
        return None;
    }
    Some((loaded.approved.replaced_by(&left, user, cx)?, count))
}
