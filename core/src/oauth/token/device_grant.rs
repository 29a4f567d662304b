//! The device grant (RFC 8628 section 3.4): a device polls until its user has decided.
//!
//! The device code is the verifier of the authorization code that the user's browser brings, so a code that was made for
//! anything else is worth nothing here (threat A15).

use super::{
    code_grant::CodeGrant,
    response::{invalid_grant, refuse},
};
use crate::{
    ask::Awaiting,
    device_authorization::DevicePoll,
    event::Answer,
    http::form::Form,
    hub::{DeviceMessage, PollDeviceAuthorization, ToHubKind},
    oauth::{
        client::AuthenticatedClient,
        error::{OAuthError, Refusal},
        resource,
    },
    secret::Secret,
    session::record::Hash,
    step::{Cx, Progress},
};

/// Its name (RFC 8628 section 3.4).
pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A device that polls.
#[derive(Debug)]
pub(crate) struct DeviceGrant {
    client: AuthenticatedClient,
    device_code: Secret<String>,
    resource: Option<String>,
    poll: Awaiting<PollDeviceAuthorization>,
}

impl DeviceGrant {
    pub(super) fn start(
        form: &Form,
        client: AuthenticatedClient,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let missing = Refusal::new(OAuthError::InvalidRequest, "device_code is missing.");
        let device_code = form.one("device_code")?.ok_or(missing)?;
        let resource = resource::of_token_request(form, &cx.env.server.config.public_url)?;
        let message = |ticket| {
            ToHubKind::Device(DeviceMessage::Poll {
                ticket,
                device_code: Hash::of(device_code.as_bytes()).0,
                client: client.hash().0,
            })
        };
        let poll = cx.ask_hub(message);
        Ok(Progress::Pending(Self {
            client,
            device_code: Secret::new(device_code.to_owned()),
            resource,
            poll,
        }))
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<CodeGrant> {
        let refusal = |error, description| Refusal::new(error, description);
        let refusal = match self.poll.into_answer(answer) {
            DevicePoll::Approved(code) => {
                let device_code = self.device_code;
                let next = CodeGrant::of_device(self.client, &code, device_code, self.resource, cx);
                return next.unwrap_or_else(|| refuse(invalid_grant(), cx));
            }
            DevicePoll::Pending => {
                let description = "The user has not decided yet: ask again after the interval.";
                // Every device asks so, again and again: that is no line of the log.
                let refusal = refusal(OAuthError::AuthorizationPending, description);
                return cx.done(refusal.response());
            }
            DevicePoll::SlowDown => refusal(
                OAuthError::SlowDown,
                "Asked too early: wait five seconds longer from now on.",
            ),
            DevicePoll::Denied => refusal(OAuthError::AccessDenied, "The user said no."),
            DevicePoll::Expired => refusal(
                OAuthError::ExpiredToken,
                "This device code is over, or was never given: begin again.",
            ),
        };
        refuse(refusal, cx)
    }
}
