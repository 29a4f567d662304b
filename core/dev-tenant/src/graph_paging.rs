//! Lists of Graph in pages, and what has changed in one since.
//!
//! Source: Microsoft Graph v1.0, "Paging Microsoft Graph data in your app"; "Use delta query to track changes in Microsoft
//! Graph data"; "message: delta".

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    DevTenant,
    graph::found,
    graph_content::{Answer, MAIL, listed, mailbox},
    graph_error::GraphErrorResponse,
    request_context::RequestContext,
};

impl DevTenant {
    /// One page, and where the next one is: at another origin, if `/control` has said so.
    pub(super) fn page(&self, cx: &RequestContext<'_>, all: Vec<Value>) -> Response<Bytes> {
        let number = |name| cx.query.one(name).ok().flatten()?.parse::<usize>().ok();
        let (skip, top) = (number("$skip").unwrap_or(0), number("$top").unwrap_or(10));
        let rest = all.len().saturating_sub(skip);
        let items: Vec<_> = all.into_iter().skip(skip).take(top).map(listed).collect();
        let mut body = json!({"value": items});
        if rest > top {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(cx.query.iter().filter(|(name, _)| *name != "$skip"));
            query.append_pair("$skip", &(skip + top).to_string());
            let origin = self.settings.next_link_origin.as_ref();
            let origin = origin.unwrap_or(&self.config.origin);
            let next = format!("{origin}{}?{}", cx.path, query.finish());
            body = json!({"value": items, "@odata.nextLink": next});
        }
        found(&body)
    }

    /// The mail that is new since the link was given, which is none; without a link, all of it. A link that was not given, or
    /// before the user's sessions were revoked, is gone, and whoever has it begins anew.
    pub(super) fn changes(&self, cx: &RequestContext<'_>) -> Answer {
        self.with(cx, "Mail.Read", |account| {
            let mail = mailbox(account, MAIL)?;
            let given = format!("{}-{}", account.epoch, account.valid_from);
            let items: Vec<_> = match cx.query.one("$deltatoken").ok().flatten() {
                None => mail.into_iter().map(listed).collect(),
                Some(token) if token == given => Vec::new(),
                Some(_) => return Err(sync_state_not_found()),
            };
            let link = format!("{}{}?$deltatoken={given}", self.config.origin, cx.path);
            Ok(found(&json!({"value": items, "@odata.deltaLink": link})))
        })
    }
}

fn sync_state_not_found() -> GraphErrorResponse {
    let message = "The sync state generation is not found. The delta token is expired and data must be synchronized again.";
    GraphErrorResponse::new(StatusCode::GONE, "syncStateNotFound", message)
}
