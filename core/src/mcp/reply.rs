//! JSON-RPC as the body of a response.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use crate::{
    http::response,
    json_rpc::{self, Error, Refused},
};

/// JSON-RPC as the body of an answer.
pub(super) fn json(status: StatusCode, text: String) -> Response<Bytes> {
    response::of(status, "application/json", text)
}

/// A refusal as JSON-RPC.
pub(super) fn refused(status: StatusCode, refused: Refused) -> Response<Bytes> {
    json(
        status,
        json_rpc::Response::error(refused.id, refused.error).to_json(),
    )
}

/// A refusal of a request whose id is not known.
pub(super) fn refusal(status: StatusCode, error: Error) -> Response<Bytes> {
    refused(status, Refused { id: None, error })
}

/// The error of a request whose session was revoked.
pub(super) const fn sign_in_ended() -> Error {
    let message = "The sign-in has ended. Please sign in again.";
    Error::new(Error::INTERNAL, message)
}
