//! `POST /v1.0/$batch`: several requests to Graph in one, each answered by itself.
//!
//! Source: Microsoft Graph, "Combine multiple HTTP requests using JSON batching".

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use entra_mcp_wire::entropy::Seed;
use http::{Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    DevTenant, graph::found, graph_error::GraphErrorResponse, request_context::RequestContext,
};

/// How many requests a batch may have.
const REQUESTS: usize = 20;

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Part>,
}

/// One request of a batch.
#[derive(Deserialize)]
struct Part {
    id: String,
    method: String,
    /// Relative to the version, such as `/me`.
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

impl DevTenant {
    pub(super) fn batch(&mut self, cx: &RequestContext<'_>) -> Response<Bytes> {
        let refuse = |message: &str| {
            let error = GraphErrorResponse::new(StatusCode::BAD_REQUEST, "BadRequest", message);
            error.answer(cx, &self.config.origin)
        };
        let Ok(batch) = serde_json::from_slice::<Batch>(cx.body) else {
            return refuse("Invalid batch payload format.");
        };
        let mut ids: Vec<_> = batch.requests.iter().map(|part| part.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        if batch.requests.len() > REQUESTS || ids.len() < batch.requests.len() {
            return refuse("A batch has at most 20 requests, each of another id.");
        }
        let responses: Vec<_> = batch
            .requests
            .iter()
            .map(|part| self.part(part, cx))
            .collect();
        found(&json!({ "responses": responses }))
    }

    /// The answer to one request, with the access token of all.
    fn part(&mut self, part: &Part, cx: &RequestContext<'_>) -> Value {
        let url = part.url.trim_start_matches('/');
        let mut request = Request::builder()
            .method(part.method.as_str())
            .uri(format!("/v1.0/{url}"));
        for (name, value) in &part.headers {
            request = request.header(name, value);
        }
        let authorization = cx.header(header::AUTHORIZATION.as_str());
        let body = part.body.as_ref().map(Value::to_string).unwrap_or_default();
        let request = request
            .header(header::AUTHORIZATION, authorization)
            .body(Bytes::from(body));
        let response = match request {
            Ok(request) if request.uri().path() != "/v1.0/$batch" => {
                let mut one = RequestContext::read(&request, cx.now, &Seed::new([0; 32]));
                one.instant = cx.instant;
                match *one.method {
                    Method::GET | Method::POST => self.graph(&one),
                    _ => GraphErrorResponse::new(StatusCode::METHOD_NOT_ALLOWED, "BadRequest", "")
                        .answer(&one, &self.config.origin),
                }
            }
            _ => GraphErrorResponse::new(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                "Invalid request of a batch.",
            )
            .answer(cx, &self.config.origin),
        };
        answer_of(&part.id, &response)
    }
}

/// A response as a member of the answer: JSON as it is, anything else in base64.
fn answer_of(id: &str, response: &Response<Bytes>) -> Value {
    let headers: Map<String, Value> = (response.headers().iter())
        .filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?))))
        .collect();
    let bytes = response.body();
    let body = match serde_json::from_slice::<Value>(bytes) {
        Ok(json) => json,
        Err(_) if bytes.is_empty() => Value::Null,
        Err(_) => json!(STANDARD.encode(bytes)),
    };
    json!({"id": id, "status": response.status().as_u16(), "headers": headers, "body": body})
}
