//! The formats of the gateway: messages of which only the envelope is read, and what it tells a backend of a user.
//!
//! An MCP server of any make stands behind the gateway, and clients in front of it are newer or older than this server.
//! So what is not the gateway's own business passes as the bytes that it came in.

mod answer_reader;
pub(crate) mod assertion;
mod backend_request;
mod backend_settings;
mod credential_guard;
pub(crate) mod discover_result;
mod given_credentials;
mod initialize_result;
mod kept_header_params;
mod listed;
mod message;
mod parked_call;
mod raw_edit;
mod raw_json;
mod server_process;
mod signing_keys;
mod translated;
mod user_headers;

#[cfg(test)]
pub(crate) use self::raw_json::testing;
pub(crate) use self::{
    answer_reader::AnswerReader,
    backend_request::{BackendRequest, Credentials, Telling, TellingKind, TellingName},
    backend_settings::{BackendSetting, BackendSettings},
    credential_guard::CredentialGuard,
    given_credentials::GivenCredentials,
    initialize_result::InitializeResult,
    kept_header_params::KeptHeaderParams,
    listed::{BackendList, Listed},
    message::{MessageFault, MessageKind, RawMessage, Replaced},
    parked_call::{ParkedAnswers, ParkedEnd, ParkedName, ParkedOutput},
    raw_edit::quoted,
    raw_json::string as text_of,
    server_process::{
        OfProcess, ProcessCall, ProcessFault, ProcessName, ProcessOutput, ProcessOwner,
        ProcessShare, RunProcess, ToServer,
    },
    signing_keys::SigningKeys,
    translated::{
        Declared, InputRequired, RawInputRequest, discover_of_initialize, initialize_of_discover,
    },
    user_headers::UserHeaders,
};
