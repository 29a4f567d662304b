//! What the gateway does towards the server behind it.

mod assert_user;
pub(crate) mod check;
mod fault;
mod identify_user;
mod incoming;
pub(crate) mod key_set;
mod messages;
mod open_session;
pub(crate) mod probe;
pub(crate) mod read_signing_keys;
mod reopen_session;
mod request;
mod stdio_messages;
pub(crate) mod stdio_server;
pub(crate) mod tell;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::tests::gateway as gateway_of_tests;

pub(crate) use self::{
    assert_user::AssertUser,
    fault::BackendFault,
    identify_user::{Identified, IdentifyUser, NotIdentified},
    messages::{Arrived, IncomingMessages},
    open_session::{NotOpened, OpenSession, Opened},
    reopen_session::{ReopenSession, Reopened},
};
