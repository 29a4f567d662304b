//! What is sent to a client before the response.

use crate::json_rpc::Id;

/// A message to the client before the response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ServerMessage {
    /// JSON of a notification or a request.
    Json(String),
    /// The response to this request, as it is sent, which asks the client something; the call goes on, for another exchange (a
    /// gateway only). It is the last message.
    InputRequired(Id, String),
    /// The stream is closed, and the client comes back for the rest after so many milliseconds.
    CloseStream(u64),
}
