//! The job that finds out whether the backend is there: it is asked for its stream, in nobody's name, and whatever it answers, it is.

use ::http::Method;

use super::{Arrived, IncomingMessages};
use crate::{
    event::Answer,
    gateway::{BackendRequest, Credentials},
    hub::{ReadinessMessage, ToHub, ToHubKind},
    limits,
    revision::Revision,
    step::{Cx, Progress},
};

/// It is being asked.
#[derive(Debug)]
pub(crate) struct ProbeBackend(IncomingMessages);

impl ProbeBackend {
    pub(crate) fn start(cx: &mut Cx<'_>) -> Progress<Self> {
        let gateway = cx.env.gateway();
        let Some(gateway) = gateway.filter(|gateway| gateway.command().is_none()) else {
            return Progress::Ready(());
        };
        let request = BackendRequest {
            method: Method::GET,
            revision: None,
            within: Some(limits::BACKEND_OPENING),
            ..BackendRequest::post(None, Revision::V2025_11_25, String::new())
        };
        let incoming = IncomingMessages::send(request, gateway, &Credentials::default(), cx);
        Progress::Pending(Self(incoming))
    }

    pub(crate) fn handle(mut self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let arrived = self.0.handle(answer);
        let answers = self.0.status().is_some();
        match arrived {
            Arrived::Messages(_) if !answers => {
                self.0.more(cx);
                return Progress::Pending(self);
            }
            Arrived::Messages(_) | Arrived::Fault(_) => self.0.cancel(cx),
            Arrived::End(..) => {}
        }
        let found = ReadinessMessage::FoundBackend(cx.env.endpoint, answers);
        cx.to_hub(ToHub(ToHubKind::Readiness(found)));
        Progress::Ready(())
    }
}
