//! Stands in for the access to Entra tokens until that is written: the stored token as it is.
use crate::{
    ask::Version,
    event::Event,
    exchange::Cx,
    fault::Fault,
    secret::Secret,
    session::{SessionSecret, record::Session},
};

#[derive(Debug)]
pub(crate) struct Access;

#[derive(Debug)]
pub(crate) enum AccessStep {
    Waiting(Access),
    Ready(Secret<String>),
    SessionOver,
    Fault(Fault),
}

impl Access {
    pub(crate) fn start(
        session: &Session,
        _version: Version,
        secret: &SessionSecret,
        cx: &mut Cx<'_>,
    ) -> AccessStep {
        match session.entra_tokens(secret, &cx.env.server.keys) {
            Some(tokens) => AccessStep::Ready(tokens.access_token),
            None => AccessStep::SessionOver,
        }
    }
    pub(crate) fn renew(
        session: &Session,
        version: Version,
        secret: &SessionSecret,
        cx: &mut Cx<'_>,
    ) -> AccessStep {
        Self::start(session, version, secret, cx)
    }
    pub(crate) fn handle(self, _event: Event, _cx: &mut Cx<'_>) -> AccessStep {
        AccessStep::Waiting(self)
    }
}
