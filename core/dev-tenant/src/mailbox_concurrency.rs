//! How many requests Graph answers at once for one mailbox.
//!
//! Source: Microsoft Graph, "Microsoft Graph service-specific throttling limits", Outlook service limits.

use std::time::Duration;

use entra_mcp_wire::time::Instant;
use http::StatusCode;

use super::{DevTenant, graph_error::GraphErrorResponse, request_context::RequestContext};

/// Of one application, for one mailbox.
const AT_ONCE: usize = 4;

/// What is in a mailbox.
const MAILBOX: [&str; 4] = ["messages", "mailFolders", "calendarView", "events"];

/// The requests that are being answered: the object id of whose mailbox, and until when.
#[derive(Debug, Default)]
pub(super) struct MailboxRequests(Vec<(&'static str, Instant)>);

impl DevTenant {
    /// The refusal of a request to a mailbox, if too many are being answered: those that `latency` has come later.
    pub(super) fn check_mailbox_concurrency(
        &mut self,
        cx: &RequestContext<'_>,
    ) -> Result<(), GraphErrorResponse> {
        let latency = self.latency_of(cx.path).unwrap_or(Duration::ZERO);
        let now = cx.instant;
        self.mailboxes.0.retain(|(_, until)| now < *until);
        let path = cx.path.strip_prefix("/v1.0/me/").unwrap_or_default();
        let first = path.split('/').next().unwrap_or_default();
        // Who has no good token is refused for that.
        let account = self
            .access(cx)
            .and_then(|token| Ok(self.person_of(&token)?.user.oid));
        let (true, Ok(oid)) = (MAILBOX.contains(&first), account) else {
            return Ok(());
        };
        let under_way = self.mailboxes.0.iter().filter(|(other, _)| *other == oid);
        if under_way.count() >= AT_ONCE {
            let message = "Application is over its MailboxConcurrency limit.";
            let status = StatusCode::TOO_MANY_REQUESTS;
            let error = GraphErrorResponse::new(status, "ApplicationThrottled", message);
            return Err(error);
        }
        self.mailboxes.0.push((oid, now.after(latency)));
        Ok(())
    }
}
