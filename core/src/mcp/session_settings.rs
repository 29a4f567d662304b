//! A change of what a client has set within an MCP session: `logging/setLevel`, `resources/subscribe` and
//! `resources/unsubscribe` of the revisions with sessions.
//!
//! ```text
//! the record of the sign-in, as it was looked up --as it is set already--> done
//!    \--otherwise--> Writing --written--> every hub is told --> done
//!                       \--somebody was faster--> read again, decided again
//! ```
//!
//! So it is acknowledged once it holds on every replica and after a restart. An HTTP+SSE stream is its session, and its hub
//! knows it.

use crate::{
    admit::caller::Caller,
    ask::{Awaiting, Stored, Version},
    event::Answer,
    hub::{ChangeSetting, SettingChange, SettingsFull, ToHubKind},
    id::McpSessionId,
    json_rpc::Error,
    limits,
    log_event::LogEventId,
    mcp::invocation::ClientProfile,
    replicas::ReplicaMessage,
    session::{
        record::Session,
        update::{Attempt, Update, UpdateError, Updated},
    },
    step::{Cx, Progress},
};

/// A change that is being made.
#[derive(Debug)]
pub(crate) struct ChangingSetting {
    mcp_session: McpSessionId,
    change: SettingChange,
    state: State,
}

#[derive(Debug)]
enum State {
    Writing(Box<Session>, Update),
    /// The hub changes it.
    Asking(Awaiting<ChangeSetting>),
}

/// What a step leaves: in the end the change that was made, or that was not needed.
pub(crate) type SettingProgress = Progress<ChangingSetting, Result<SettingChange, NotSet>>;

/// Why a setting was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSet {
    Full(SettingsFull),
    /// The store did not take it.
    NotStored,
    /// The client has ended the MCP session meanwhile.
    McpSessionEnded,
    /// The user must sign in again.
    SessionOver,
}

impl ChangingSetting {
    /// Begins to change a setting of the client's session.
    pub(crate) fn start(
        change: SettingChange,
        mcp_session: McpSessionId,
        client: ClientProfile,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> SettingProgress {
        if client.shares_stream {
            let asking = cx.ask_hub(|ticket| ToHubKind::ChangeSetting {
                ticket,
                principal: caller.principal_id,
                mcp_session,
                change,
            });
            return Progress::Pending(Self {
                mcp_session,
                change,
                state: State::Asking(asking),
            });
        }
        if !client.has_set {
            let mut settings = caller.session.outline.mcp_settings.clone();
            match settings.change(mcp_session, change, cx.env.now.unix) {
                Ok(true) => {}
                Ok(false) => return Progress::Ready(Ok(change)),
                Err(full) => return Progress::Ready(Err(NotSet::Full(full))),
            }
        }
        let session = Box::new(caller.whole_session(cx.env.server));
        if client.has_set {
            // It may have been written since.
            let update = Update::read(session.id, cx);
            return Self::pending(mcp_session, change, session, update);
        }
        let read = (caller.version, Attempt::default());
        Self::write(mcp_session, change, session, read, cx)
    }

    fn write(
        mcp_session: McpSessionId,
        change: SettingChange,
        mut session: Box<Session>,
        (version, attempt): (Version, Attempt),
        cx: &mut Cx<'_>,
    ) -> SettingProgress {
        let outline = &mut session.outline;
        if outline.ended_mcp_sessions.contains(mcp_session) {
            return Progress::Ready(Err(NotSet::McpSessionEnded));
        }
        match outline
            .mcp_settings
            .change(mcp_session, change, cx.env.now.unix)
        {
            Ok(true) => {
                let update = Update::write(&session, version, attempt, cx);
                Self::pending(mcp_session, change, session, update)
            }
            Ok(false) => Progress::Ready(Ok(change)),
            Err(full) => Progress::Ready(Err(NotSet::Full(full))),
        }
    }

    fn pending(
        mcp_session: McpSessionId,
        change: SettingChange,
        session: Box<Session>,
        update: Update,
    ) -> SettingProgress {
        Progress::Pending(Self {
            mcp_session,
            change,
            state: State::Writing(session, update),
        })
    }

    /// Takes the answer that it waits for.
    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> SettingProgress {
        let Self {
            mcp_session,
            change,
            state,
        } = self;
        let (session, update) = match state {
            State::Asking(asking) => {
                let changed = asking.into_answer(answer);
                return Progress::Ready(changed.map(|()| change).map_err(NotSet::Full));
            }
            State::Writing(session, update) => (session, update),
        };
        match update.handle(answer, cx) {
            Progress::Pending(update) => Self::pending(mcp_session, change, session, update),
            Progress::Ready(Ok(Updated::Written(()))) => {
                // The level is looked up with each request.
                if !matches!(change, SettingChange::Level(_)) {
                    let subscriptions = session.outline.mcp_settings.subscriptions(mcp_session);
                    let told = ReplicaMessage::Subscribed(session.id, mcp_session, subscriptions);
                    cx.to_every_hub(told);
                }
                Progress::Ready(Ok(change))
            }
            Progress::Ready(Ok(Updated::Read(stored, attempt))) => {
                match reread(&session, stored, cx) {
                    Some((session, version)) => {
                        Self::write(mcp_session, change, session, (version, attempt), cx)
                    }
                    None => Progress::Ready(Err(NotSet::SessionOver)),
                }
            }
            Progress::Ready(Err(UpdateError::NotRead | UpdateError::NotWritten)) => {
                cx.log(LogEventId::SessionNotStored);
                Progress::Ready(Err(NotSet::NotStored))
            }
        }
    }
}

/// The session as somebody else has written it meanwhile; `None` if it is over.
fn reread(
    session: &Session,
    stored: Option<Stored>,
    cx: &Cx<'_>,
) -> Option<(Box<Session>, Version)> {
    let (session, version) = session.open_again(&stored?, &cx.env.server.keys)?;
    Some((Box::new(session), version))
}

impl NotSet {
    /// The error of the request.
    pub(crate) fn to_error(self) -> Error {
        let message = match self {
            Self::Full(full) => return settings_full(full),
            Self::McpSessionEnded => return Error::invalid_request("The session has ended."),
            Self::NotStored => {
                "The setting cannot be stored at the moment. Please try again later."
            }
            Self::SessionOver => "Sign in again.",
        };
        Error::new(Error::INTERNAL, message)
    }
}

/// The error of a setting for which there is no room.
fn settings_full(full: SettingsFull) -> Error {
    let message = match full {
        SettingsFull::Sessions => format!(
            "Too many sessions: {} of yours have a log level or subscriptions with this client. End one (DELETE), \
             or leave one alone for an hour.",
            limits::MCP_SESSION_SETTINGS
        ),
        SettingsFull::Subscriptions => format!(
            "Too many subscriptions: this session has {}. Unsubscribe from a resource first.",
            limits::SUBSCRIPTIONS
        ),
        SettingsFull::SubscriptionsOfSignIn => format!(
            "Too many subscriptions: your sessions with this client have {} together. Unsubscribe from a resource \
             first, or end a session (DELETE).",
            limits::SUBSCRIPTIONS_PER_SIGN_IN
        ),
    };
    Error::with_message(Error::INTERNAL, message)
}
