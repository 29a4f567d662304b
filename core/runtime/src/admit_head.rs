//! What becomes of the head of a request, whichever runtime reads it.

use bytes::Bytes;
use entra_mcp_core::{admit::is_exempt_from_limit, error_responses, time::Now};
use entra_mcp_http1::Connection;
use http::{Response, request::Parts};

use crate::PermitKind;

/// Accepts a request with the body limit that `admit` gives, or responds to it at once. Returns what `admit`
/// gave besides, if the request was accepted.
///
/// A connection over the limit gets one answer: 503, unless it asks for health or metadata (threat M10).
pub fn admit_head<T>(
    connection: &mut Connection,
    head: Parts,
    kind: PermitKind,
    now: Now,
    admit: impl FnOnce(Parts) -> Result<(usize, T), Box<Response<Bytes>>>,
) -> Option<T> {
    let admitted = match kind {
        PermitKind::Normal => admit(head),
        PermitKind::Overflow => {
            connection.close_after_response();
            match is_exempt_from_limit(&head) {
                true => admit(head).map(|(_, admitted)| (0, admitted)),
                false => Err(Box::new(error_responses::busy())),
            }
        }
    };
    match admitted {
        Ok((body_limit, admitted)) => {
            connection.accept(body_limit, now);
            Some(admitted)
        }
        Err(response) => {
            connection.respond(&response, now);
            None
        }
    }
}
