//! A call that waits for its user to satisfy more at Entra: it ends with a link, and goes on when it is repeated (threats D22,
//! D23).
//!
//! Source: MCP specification 2025-11-25, client/elicitation (URL mode, `URLElicitationRequiredError`); 2026-07-28,
//! basic/patterns (multi round-trip requests).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    admit::caller::Caller,
    catalog::{CallError, ClientCapabilities, InputRequest, InputResult},
    claims_challenge::ClaimsChallenge,
    json_rpc::Params,
    log_event::{Field, LogEvent, LogEventId},
    revision::Revision,
    session::step_up::StepUp,
    step::Cx,
    time::UnixTime,
};

/// By what the response of the client to the request for input is known.
const KEY: &str = "entra-mcp-step-up";

/// `URLElicitationRequiredError`.
const URL_ELICITATION_REQUIRED: i32 = -32042;

/// For the user.
const MESSAGE: &str = "Your organization wants you to confirm your sign-in at Microsoft Entra ID before this goes on.";

/// For the model and the user.
const NOT_WITH_TOKEN: &str = "Microsoft Entra ID wants more of the user, such as a second factor, and the application that \
                              calls does not take claims challenges: sign in there again.";

/// What the session, or the tool, wants of the user before a call may begin. `context`: the authentication context of the tool.
pub(super) fn required(
    context: Option<&str>,
    caller: &Caller,
    now: UnixTime,
) -> Option<ClaimsChallenge> {
    if let Some(required) = &caller.session.required_claims {
        return Some(required.clone());
    }
    let context = context?;
    match caller.entra.as_deref() {
        None => {
            let is_satisfied = caller.session.user.profile.contexts.has(context, now);
            (!is_satisfied).then(|| ClaimsChallenge::of_context(context))
        }
        Some((entra, _)) => {
            let is_satisfied = entra.contexts.contains(context);
            (!is_satisfied).then(|| ClaimsChallenge::of_access_context(context))
        }
    }
}

/// A call that ends so: what its client can, and was told before.
#[derive(Debug)]
pub(super) struct StoppedCall {
    pub(super) revision: Revision,
    pub(super) client_capabilities: ClientCapabilities,
    pub(super) in_session: bool,
    /// The answers of earlier rounds, which its repetition needs (2026-07-28).
    pub(super) answers: BTreeMap<String, InputResult>,
    /// Whether the client comes back with an answer, but the user has not satisfied the claims: it is not asked for ever.
    pub(super) was_asked: bool,
}

/// How it ends.
#[derive(Debug)]
pub(super) enum StepUpEnd {
    /// The client must present another access token of Entra's, which satisfies these.
    Challenge(ClaimsChallenge),
    /// It is repeated with a response to this request, and those that were given before (2026-07-28).
    InputRequired(
        BTreeMap<String, InputRequest>,
        BTreeMap<String, InputResult>,
    ),
    /// It has failed, and says what to do.
    Failed(CallError),
}

/// Whether the client answers the request for input.
pub(super) fn is_answer(key: &str) -> bool {
    key == KEY
}

/// Whether a request brings a response to the request for input. Nobody vouches for it.
pub(super) fn is_answered(params: &Params) -> bool {
    let responses = params.get("inputResponses");
    responses.and_then(|responses| responses.get(KEY)).is_some()
}

/// Ends a call: the user must satisfy these claims first.
pub(super) fn end(
    claims: ClaimsChallenge,
    call: StoppedCall,
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> StepUpEnd {
    if let Some((entra, _)) = caller.entra.as_deref() {
        return match entra.takes_challenges {
            true => StepUpEnd::Challenge(claims),
            false => StepUpEnd::Failed(NOT_WITH_TOKEN.into()),
        };
    }
    let session = &caller.whole_session(cx.env.server);
    let event = LogEvent::new(LogEventId::ClaimsRequired);
    cx.log(event.with(Field::Subject, &session.outline.subject));
    let Some(step_up) = StepUp::of(session, claims, cx.env.now.unix) else {
        let message = "a session that nothing opens".to_owned();
        return StepUpEnd::Failed(CallError::Internal(message));
    };
    let link = format!("/step-up?link={}", step_up.seal(cx.env, cx.entropy));
    let link = cx.env.server.config.public_url.join(&link);
    let opens_pages = call.client_capabilities.elicitation_url;
    let revision = call.revision.features();
    if opens_pages && revision.stateless && !call.was_asked {
        let request = InputRequest::url(MESSAGE, link);
        return StepUpEnd::InputRequired(BTreeMap::from([(KEY.to_owned(), request)]), call.answers);
    }
    if opens_pages && call.in_session && revision.url_elicitation {
        let id = cx.entropy.token::<16>();
        let request = InputRequest::url(MESSAGE, link).params(Revision::V2025_11_25, Some(&id));
        let data = json!({"elicitations": [request]});
        return StepUpEnd::Failed(elicitation_required(data));
    }
    StepUpEnd::Failed(CallError::Message(format!(
        "{MESSAGE} Have the user open this link in a browser, and then call this again. The link is good for ten minutes, \
         and for this user only: {link}"
    )))
}

fn elicitation_required(data: Value) -> CallError {
    CallError::JsonRpc(URL_ELICITATION_REQUIRED, MESSAGE.to_owned(), Some(data))
}

#[cfg(test)]
mod tests;
