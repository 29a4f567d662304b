//! The job that tells the backend something which needs no answer: that a call is cancelled, what a client has answered, that a
//! session has ended. The exchange that wants it told may be over by then.

use super::{Arrived, AssertUser, BackendFault, IncomingMessages, assert_user::NoAssertion};
use crate::{
    event::Answer,
    gateway::{Telling, TellingName},
    hub::{ToHub, ToHubKind},
    log_event::{Field, LogEvent, LogEventId},
    step::{Cx, Progress},
};

/// It is being told.
#[derive(Debug)]
pub(crate) enum TellBackend {
    /// The user who answers is named anew: they may have thought for longer than an assertion is good for.
    Asserting(Box<(AssertUser, Telling)>),
    Telling(Box<IncomingMessages>),
}

impl TellBackend {
    pub(crate) fn start(name: TellingName, telling: Telling, cx: &mut Cx<'_>) -> Progress<Self> {
        cx.to_hub(ToHub(ToHubKind::TellsBackend(name)));
        if telling.dropped > 0 {
            let event = LogEvent::new(LogEventId::GatewayNotTold);
            let event = event.with_text(Field::Reason, "it asks more than it takes answers to");
            cx.log(event.with(Field::Count, telling.dropped.to_string()));
        }
        match telling.credentials.claims().cloned() {
            Some(claims) => {
                let assert = AssertUser::again(claims, cx);
                Progress::Pending(Self::Asserting(Box::new((assert, telling))))
            }
            None => Self::tell(telling, cx),
        }
    }

    fn tell(telling: Telling, cx: &mut Cx<'_>) -> Progress<Self> {
        let Some(gateway) = cx.env.gateway() else {
            return Progress::Ready(());
        };
        let Telling {
            request,
            credentials,
            ..
        } = telling;
        let incoming = IncomingMessages::send(request, gateway, &credentials, cx);
        Progress::Pending(Self::Telling(Box::new(incoming)))
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let fault = match self {
            Self::Asserting(asserting) => {
                let (assert, mut telling) = *asserting;
                match assert.handle(answer, cx) {
                    Progress::Pending(assert) => {
                        return Progress::Pending(Self::Asserting(Box::new((assert, telling))));
                    }
                    Progress::Ready(Ok((assertion, _))) => {
                        telling.credentials = telling.credentials.with_assertion(assertion);
                        return Self::tell(telling, cx);
                    }
                    Progress::Ready(Err(NoAssertion)) => BackendFault::NoAssertion,
                }
            }
            Self::Telling(mut incoming) => match incoming.handle(answer) {
                Arrived::Messages(_) => {
                    incoming.more(cx);
                    return Progress::Pending(Self::Telling(incoming));
                }
                Arrived::End(_, _) if incoming.is_success() => return Progress::Ready(()),
                Arrived::End(_, fault) | Arrived::Fault(fault) => fault,
            },
        };
        let event = LogEvent::new(LogEventId::GatewayNotTold);
        cx.log(event.with_text(Field::Reason, fault.reason()));
        Progress::Ready(())
    }
}
