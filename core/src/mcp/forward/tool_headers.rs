//! Which headers `Mcp-Param-...` a backend's tool wants (2026-07-28).
//!
//! The schema is in the backend's list, which is looked at for clients that send such headers. Clients with sessions have none: for them it
//! is looked at once a backend of 2026-07-28 has refused a call because it misses some. It is kept with the session of the backend for as
//! long as the list says (`ttlMs`). Nobody is refused by what was kept: it is looked at again then.

use super::{
    Forward, ForwardProgress,
    answered::{Why, fresh_id},
    crossing::Eras,
    header_params::{Known, checked, of_tool},
};
use crate::{
    catalog::HeaderParam,
    gateway::{BackendList, Listed, RawMessage},
    hub::{BackendSessionMessage, ToHub, ToHubKind},
    limits,
    mcp::{invocation::InvocationCx, v2026_07_28::HEADER_MISMATCH},
};

impl Forward {
    /// The call with what is kept of its tool; the tool is looked at first where its client sends such headers and nothing is kept that
    /// they agree with.
    ///
    /// # Errors
    ///
    /// How it goes on in place of the call.
    pub(super) fn with_kept_header_params(
        mut self: Box<Self>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> Result<Box<Self>, ForwardProgress> {
        let is_sent = !self.header_params.sent.is_empty();
        let may_want = self.method == "tools/call" && (is_sent || self.eras() == Eras::ToStateless);
        if !may_want || !matches!(self.header_params.known, Known::Nothing) {
            return Ok(self);
        }
        let tool = self.message.param("name").unwrap_or_default();
        let now = icx.cx.env.now.instant;
        let session = self.session.as_ref();
        let kept = session.and_then(|session| session.header_params.get(&tool, now));
        let sent = &self.header_params.sent;
        match kept.map(|declared| checked(&declared, sent, &self.message)) {
            Some(Ok(headers)) => self.header_params.known = Known::Kept(headers),
            _ if is_sent => return Err(self.look_for_header_params(icx)),
            _ => {}
        }
        Ok(self)
    }

    /// Whether the backend has refused the call for headers of which its client does not know, or which were kept too long.
    pub(super) fn misses_header_params(&self, answer: &RawMessage) -> bool {
        let may_miss = match self.header_params.known {
            Known::Nothing => self.method == "tools/call" && self.eras() == Eras::ToStateless,
            Known::Kept(_) => true,
            Known::LookedUp(_) => false,
        };
        may_miss && answer.error_code() == Some(HEADER_MISMATCH)
    }

    pub(super) fn look_for_header_params(
        self: Box<Self>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        self.look_up(Why::HeaderParams, BackendList::Tools, icx)
    }

    /// Calls with the headers that the tool wants by this page of the list, and keeps them for as long as the page may be.
    pub(super) fn with_listed_header_params(
        self: Box<Self>,
        tool: String,
        page: &Listed<'_>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let declared = page.element(&tool).map(of_tool).unwrap_or_default();
        let fresh_for = page.fresh_for().min(limits::KEPT_HEADER_PARAMS_TIME);
        if !fresh_for.is_zero() {
            let until = icx.cx.env.now.instant.after(fresh_for);
            let (owner, declared) = (self.owner(icx), declared.clone());
            let wants = BackendSessionMessage::WantsHeaderParams(owner, tool, declared, until);
            icx.cx.to_hub(ToHub(ToHubKind::BackendSession(wants)));
        }
        self.with_header_params(&declared, icx)
    }

    /// Calls with the headers that the tool wants, if those of the client are what the body says.
    pub(super) fn with_header_params(
        mut self: Box<Self>,
        declared: &[HeaderParam],
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let sent = &self.header_params.sent;
        match checked(declared, sent, &self.message) {
            Ok(headers) => self.header_params.known = Known::LookedUp(headers),
            Err(error) => return self.refuse_with(error, icx),
        }
        self.backend_id = fresh_id(icx.cx);
        self.call(icx)
    }
}
