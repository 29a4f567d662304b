//! MCP: the transports and the messages of every revision.

pub(crate) mod announcements;
mod audit;
pub(crate) mod authenticate;
mod backend_stream;
mod batch;
mod dispatch;
mod event_id;
mod execution;
mod find;
mod forward;
mod headers;
pub(crate) mod http_sse;
mod inbound;
mod invocation;
mod lifecycle;
mod lists;
mod reply;
mod request_state;
mod resolve;
mod results;
mod security_schemes;
mod server_messages;
mod session;
mod session_monitor;
pub(crate) mod session_settings;
pub(crate) mod sse;
pub(crate) mod sse_stream;
mod step_up;
pub(crate) mod streamable_http;
mod tasks;
#[cfg(test)]
pub(crate) mod testing;
mod undelivered;
mod v2024_11_05;
mod v2026_07_28;

#[cfg(feature = "fuzzing")]
pub(crate) use self::event_id::EventId;
pub(crate) use self::forward::client_params;
use crate::json_rpc;

/// A user's client asks too often, and may again in so many seconds. Its requests are not read, so there is no id (MCP,
/// Streamable HTTP, sending messages).
pub(crate) fn too_many_requests(seconds: u64) -> ::http::Response<bytes::Bytes> {
    let message = format!("Too many requests. Send the next one in {seconds} seconds.");
    let error = json_rpc::Error::with_message(json_rpc::Error::INTERNAL, message);
    reply::refusal(::http::StatusCode::TOO_MANY_REQUESTS, error)
}
