//! What Graph answers by the file that was brought along.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::{
    DevTenant, data::GraphRoute, graph::require, graph_error::GraphErrorResponse,
    request_context::RequestContext,
};

impl DevTenant {
    /// The answer of the file, if it has one to this request.
    pub(super) fn route_of_graph(
        &self,
        cx: &RequestContext<'_>,
    ) -> Option<Result<Response<Bytes>, GraphErrorResponse>> {
        let mut fitting: Vec<_> = self.routes_for(cx).collect();
        if fitting.is_empty() {
            return None;
        }
        // The first of those that know most of the query.
        fitting.sort_by_key(|route| std::cmp::Reverse(route.query.len()));
        if let Some(public) = fitting.iter().find(|route| !route.token) {
            return Some(Ok(self.answer_of(public)));
        }
        let granted = self.access(cx).and_then(|token| {
            let account = self.person_of(&token)?;
            let is_own = |route: &&&GraphRoute| route.is_for(account.user.username);
            let Some(route) = fitting.iter().find(is_own) else {
                let message = "Resource could not be discovered.";
                let status = StatusCode::NOT_FOUND;
                return Err(GraphErrorResponse::new(status, "ResourceNotFound", message));
            };
            if let Some(scope) = &route.scope {
                require(&token, scope)?;
            }
            Ok(self.answer_of(route))
        });
        Some(granted)
    }

    /// Whether the file has an answer.
    pub(super) fn has_route(&self, cx: &RequestContext<'_>) -> bool {
        self.routes_for(cx).next().is_some()
    }

    fn routes_for(&self, cx: &RequestContext<'_>) -> impl Iterator<Item = &GraphRoute> {
        let routes = self.routes.iter();
        routes.filter(move |route| route.fits(cx.method, cx.path, &cx.query))
    }

    fn answer_of(&self, route: &GraphRoute) -> Response<Bytes> {
        let own = |text: &str| text.replace("{graph}", &self.config.origin);
        let (kind, body) = match &route.body {
            Value::Null => (None, String::new()),
            Value::String(text) => (Some("text/plain;charset=utf-8"), own(text)),
            json => (Some("application/json"), own(&json.to_string())),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::from_u16(route.status).unwrap_or_default();
        let headers = response.headers_mut();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, value) in &route.headers {
            let value = HeaderValue::try_from(own(value));
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value) {
                headers.insert(name, value);
            }
        }
        response
    }
}
