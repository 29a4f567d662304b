//! The backend has answered: what of that the client gets.
//!
//! Under a policy a list loses what the caller may not know of. Of what is hidden and of what does not exist one and the same has to
//! be said (threat R7); backends tell in many ways that something does not exist, and some of them look like the failure of a tool.
//! So after a call that failed, the backend is asked for its list: what is not there gets the answer of what is hidden. That takes two
//! requests or more, and what is hidden costs as many: its list is asked for in place of the call, which never reaches the backend.

use serde_json::{Map, Value, json};

use super::{Forward, ForwardProgress, called, crossing::Eras, gateway, judge, rounds};
use crate::{
    backend::BackendFault,
    gateway::{BackendList, BackendSetting, Listed, RawMessage, Replaced, discover_result},
    hub::{BackendSessionMessage, ToHub, ToHubKind},
    json_rpc::{Error, Id, Response},
    limits,
    mcp::{invocation::InvocationCx, request_state::Binding, results},
    planted::Planted,
    policy::PolicyKind,
    step::{Cx, Progress},
};

/// A look at a list of the backend.
#[derive(Debug)]
pub(super) struct LookUp {
    why: Why,
    list: BackendList,
    pages: usize,
}

/// What for.
#[derive(Debug)]
pub(super) enum Why {
    /// This answer to the request waits until it is known whether there is what was asked for.
    Answered {
        answer: Box<RawMessage>,
        is_error: bool,
        name: String,
    },
    /// What is asked for is hidden: the list stands for the request.
    InPlaceOfRequest,
    /// The same, and now for the look that would follow.
    Hidden,
    /// The tool says which arguments are repeated in headers.
    HeaderParams,
}

impl LookUp {
    /// Whether the backend has been asked something before.
    pub(super) fn follows_an_answer(&self) -> bool {
        !matches!(self.why, Why::InPlaceOfRequest | Why::HeaderParams)
    }
}

/// An id for a request to the backend: guessed by nobody, and another for each, whoever makes it.
pub(crate) fn fresh_id(cx: &mut Cx<'_>) -> Id {
    let [high, low] = [(); 2].map(|()| u64::from(u32::from_be_bytes(cx.entropy.bytes())));
    Id::Positive(((high << 32) | low) >> 12)
}

/// What the backend is to know a request as.
pub(super) fn id_for_backend(id: &Id, cx: &mut Cx<'_>) -> Id {
    match cx.env.server.has(Planted::IdsOfClientsPassed) {
        true => id.clone(),
        false => fresh_id(cx),
    }
}

impl Forward {
    /// Whether the backend has answered it, and is only looked up by now what that means.
    pub(super) fn was_answered(&self) -> bool {
        let look_up = self.look_up.as_ref();
        look_up.is_some_and(|look_up| look_up.follows_an_answer())
    }

    /// Takes the answer of the backend.
    pub(super) fn answered(
        mut self: Box<Self>,
        answer: RawMessage,
        is_error: bool,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if let Some(look_up) = self.look_up.take() {
            return self.looked_up(*look_up, &answer, icx);
        }
        if self.misses_header_params(&answer) {
            return self.look_for_header_params(icx);
        }
        if self.eras() == Eras::ToStateless
            && let Some(input) = answer.input_required()
        {
            return match input {
                Ok(input) => self.input_required(input, icx),
                Err(_) => self.fail(BackendFault::NotUnderstood, icx),
            };
        }
        self.withdraw_questions(icx);
        self.remember_setting(is_error, icx);
        let Some(answer) = self.with_sealed_state(answer, icx) else {
            return self.fail(BackendFault::TooLarge, icx);
        };
        if self.method == "server/discover" {
            let answer = discover_result::without_what_does_not_pass(
                answer,
                super::can_be_heard(gateway(icx.cx)),
            );
            return self.pass(answer, is_error, icx);
        }
        let policy = icx.cx.env.policy;
        if let Some(list) = BackendList::of_method(&self.method) {
            let is_whole = icx.cx.env.server.has(Planted::ListsNotFiltered);
            if is_error || !policy.hides(list.kind()) || is_whole {
                return self.pass(answer, is_error, icx);
            }
            let is_kept = |name: &str| judge::is_shown(policy, list.kind(), name, icx.caller);
            let listed = answer.outcome().map(|result| Listed::read(list, result));
            let Some(Ok(listed)) = listed else {
                return self.fail(BackendFault::NotUnderstood, icx);
            };
            return match listed.keeping(is_kept) {
                None => self.pass(answer, is_error, icx),
                Some(kept) => self.pass(answer.with_result(&kept), is_error, icx),
            };
        }
        let object = match judge::object(&self.method, &self.message) {
            Some(Ok((kind, name))) if policy.hides(kind) => (kind, name.into_owned()),
            _ => return self.pass(answer, is_error, icx),
        };
        let failed = is_error || answer.says_is_error();
        let answer = self.shown_completions(answer, (object.0, is_error), icx);
        let list = match (self.method.as_str(), object.0) {
            ("completion/complete", PolicyKind::Resource) => BackendList::Templates,
            ("completion/complete", _) => BackendList::Prompts,
            ("tools/call", _) if failed => BackendList::Tools,
            ("prompts/get", _) if failed => BackendList::Prompts,
            (_, PolicyKind::Resource) if is_error => {
                return self.unknown(PolicyKind::Resource, icx);
            }
            _ => return self.pass(answer, is_error, icx),
        };
        let why = Why::Answered {
            answer: Box::new(answer),
            is_error,
            name: object.1,
        };
        self.look_up(why, list, icx)
    }

    /// The answer with its state sealed, if it asks for a round (2026-07-28); `None`: that is too much to carry.
    fn with_sealed_state(
        &self,
        answer: RawMessage,
        icx: &mut InvocationCx<'_, '_>,
    ) -> Option<RawMessage> {
        let is_stateless = self.client.revision.features().stateless;
        // An answer that writes this otherwise keeps a state that nobody takes back.
        let is_round = is_stateless && answer.text().contains("input_required");
        if !is_round || self.eras() != Eras::Same || !answer.is_input_required() {
            return Some(answer);
        }
        let (caller, server) = (icx.caller, icx.cx.env.server);
        let params = self.message.params();
        let binding = || Binding::of_params(&self.method, params, caller, server);
        rounds::sealed(answer, self.is_confirmed, binding, icx.cx)
    }

    /// What is hidden is looked for as long as what does not exist.
    pub(super) fn look_for_hidden(
        self: Box<Self>,
        kind: PolicyKind,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if icx.cx.env.server.has(Planted::HiddenToldApart) {
            let error = Error::invalid_params("The policy hides this from you.");
            return self.refuse_with(error, icx);
        }
        let list = match kind {
            PolicyKind::Tool => BackendList::Tools,
            PolicyKind::Prompt => BackendList::Prompts,
            PolicyKind::Resource if self.method == "completion/complete" => BackendList::Templates,
            PolicyKind::Resource => BackendList::Resources,
        };
        self.look_up(Why::InPlaceOfRequest, list, icx)
    }

    /// What was set is set again when the backend has lost the session.
    fn remember_setting(&self, is_error: bool, icx: &mut InvocationCx<'_, '_>) {
        let setting = BackendSetting::of_request(&self.method, |name| self.message.param(name));
        if let (Some(setting), false) = (setting, is_error) {
            let set = BackendSessionMessage::Set(self.owner(icx), setting);
            icx.cx.to_hub(ToHub(ToHubKind::BackendSession(set)));
        }
    }

    /// Asks for the first page of a list.
    pub(super) fn look_up(
        self: Box<Self>,
        why: Why,
        list: BackendList,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let look_up = LookUp {
            why,
            list,
            pages: 0,
        };
        self.ask_for_page(look_up, None, icx)
    }

    fn ask_for_page(
        mut self: Box<Self>,
        mut look_up: LookUp,
        cursor: Option<&str>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        look_up.pages += 1;
        self.backend_id = fresh_id(icx.cx);
        let mut params = Map::new();
        if let Some(cursor) = cursor {
            params.insert("cursor".to_owned(), cursor.into());
        }
        if self.client.revision.features().stateless {
            let meta = self.message.param_at(&["_meta"]);
            let meta: Option<Value> = meta.and_then(|meta| serde_json::from_str(meta).ok());
            params.extend(meta.map(|meta| ("_meta".to_owned(), meta)));
        }
        let method = look_up.list.method();
        let body =
            json!({"jsonrpc": "2.0", "id": self.backend_id, "method": method, "params": params});
        let message = RawMessage::read(&body.to_string()).ok();
        let body = message
            .as_ref()
            .and_then(|message| self.for_backend(message))
            .map(|message| message.text().to_owned());
        let Some(body) = body else {
            return self.cannot_pass(icx);
        };
        self.look_up = Some(Box::new(look_up));
        self.send(body, (method.to_owned(), None), icx)
    }

    /// The backend has not taken the token with which it was asked for the list: with another it is asked from the beginning.
    pub(super) fn look_again(
        self: Box<Self>,
        look_up: LookUp,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let look_up = LookUp {
            pages: 0,
            ..look_up
        };
        self.ask_for_page(look_up, None, icx)
    }

    fn looked_up(
        self: Box<Self>,
        look_up: LookUp,
        page: &RawMessage,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let listed = page
            .result()
            .and_then(|result| Listed::read(look_up.list, result).ok());
        let cursor = listed.as_ref().and_then(Listed::next_cursor);
        let tool = self.message.param("name").unwrap_or_default().into_owned();
        match (&look_up.why, listed.as_ref(), cursor) {
            (Why::InPlaceOfRequest, _, _) if look_up.list != BackendList::Resources => {
                self.look_up(Why::Hidden, look_up.list, icx)
            }
            (Why::HeaderParams, Some(listed), _) if listed.has(&tool) => {
                self.with_listed_header_params(tool, listed, icx)
            }
            (
                Why::Answered {
                    answer,
                    is_error,
                    name,
                },
                Some(listed),
                _,
            ) if listed.has(name) => self.pass(RawMessage::clone(answer), *is_error, icx),
            (Why::Answered { .. } | Why::Hidden | Why::HeaderParams, Some(_), Some(cursor))
                if look_up.pages < limits::LOOKED_UP_PAGES =>
            {
                self.ask_for_page(look_up, Some(cursor), icx)
            }
            // The backend says what is wrong with the call.
            (Why::HeaderParams, ..) => self.with_header_params(&[], icx),
            _ => self.unknown(look_up.list.kind(), icx),
        }
    }

    /// The client gets the answer, under its own id.
    fn pass(
        self: Box<Self>,
        answer: RawMessage,
        is_error: bool,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        called::answered(&self, &answer, is_error, icx);
        let answer = self.for_client(answer);
        let text = answer.with_ids(Replaced {
            id: Some(&self.id),
            ..Replaced::default()
        });
        let code = is_error.then(|| answer.error_code()).flatten();
        Progress::Ready(Response::whole(self.id, text, code).into())
    }

    /// What is asked for is not there, or hidden.
    fn unknown(
        self: Box<Self>,
        kind: PolicyKind,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        self.refuse_with(judge::unknown(kind), icx)
    }

    /// The request is answered with an error of this server.
    pub(super) fn refuse_with(
        self: Box<Self>,
        error: Error,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        called::refused(&self, icx);
        let error = results::of_revision(error, self.client.revision);
        Progress::Ready(Response::error(Some(self.id), error).into())
    }
}
