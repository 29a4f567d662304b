//! One request to the tenant, read as far as every endpoint needs it.

use bytes::Bytes;
use entra_mcp_wire::{
    entropy::{Entropy, Seed},
    form::Form,
    time::Instant,
};
use http::{HeaderMap, Method, Request, header};

use super::formats;

/// A request, the time, and what is random about the answer.
#[derive(Debug)]
pub(super) struct RequestContext<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Form,
    pub(super) form: Form,
    pub(super) body: &'a Bytes,
    /// The tenant's own clock, in seconds since 1970.
    pub(super) now: u64,
    pub(super) instant: Instant,
    pub(super) entropy: Entropy,
    /// `x-ms-request-id`, and `trace_id` in errors.
    pub(super) trace_id: String,
    /// What the client calls its request, or a name made up for it.
    pub(super) correlation_id: String,
}

impl<'a> RequestContext<'a> {
    pub(super) fn read(request: &'a Request<Bytes>, now: u64, seed: &Seed) -> Self {
        let mut entropy = Entropy::new(seed);
        let query = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
        let is_form = |value: &[u8]| {
            let kind = b"application/x-www-form-urlencoded";
            value
                .get(..kind.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(kind))
        };
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let form = match content_type {
            Some(value) if is_form(value.as_bytes()) => Form::parse(request.body()),
            _ => Form::default(),
        };
        let trace_id = formats::guid(&mut entropy);
        let header = request.headers().get("client-request-id");
        let sent = header
            .and_then(|value| value.to_str().ok())
            .or_else(|| query.one("client-request-id").ok().flatten())
            .or_else(|| form.one("client-request-id").ok().flatten());
        let correlation_id = match sent {
            Some(id) if formats::is_guid(id) => id.to_owned(),
            _ => formats::guid(&mut entropy),
        };
        Self {
            method: request.method(),
            path: request.uri().path(),
            headers: request.headers(),
            query,
            form,
            body: request.body(),
            now,
            instant: Instant::default(),
            entropy,
            trace_id,
            correlation_id,
        }
    }

    /// A header as text; empty if it is missing.
    pub(super) fn header(&self, name: &str) -> &'a str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The parameters of a request that may be GET or POST.
    pub(super) fn parameters(&self) -> &Form {
        if self.method == Method::POST {
            &self.form
        } else {
            &self.query
        }
    }

    /// Whether the request names this machine, or the tenant's own origin, as its host: a page of
    /// another name that leads here is none of ours (DNS rebinding, threat J1).
    pub(super) fn is_to_loopback(&self, origin: &str) -> bool {
        let host = self.header(header::HOST.as_str());
        let own = origin.split_once("://").map_or("", |(_, host)| host);
        if host.is_empty() || host == own {
            return true;
        }
        let url = url::Url::parse(&format!("http://{host}/"));
        url.is_ok_and(|url| {
            url.host()
                .is_some_and(|host| entra_mcp_wire::address::is_loopback(&host))
        })
    }

    /// Whether a page of another site made the browser send this. The tenant's own forms are sent
    /// from its own pages; what is no browser says nothing.
    pub(super) fn is_cross_site(&self) -> bool {
        let site = self.header("sec-fetch-site");
        !matches!(site, "" | "none" | "same-origin")
    }
}
