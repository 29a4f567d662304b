//! Every MCP message against the published JSON Schema of its revision: for tests only, no part of
//! any server.
//!
//! [`check`] checks one message; a [`SchemaValidator`] is given what goes to and fro between clients and a
//! server, and finds out by itself which revision was agreed on and which request an answer
//! answers.
//!
//! Source: MCP specification, `schema/REVISION/schema.json` of each revision.
//!
//! NOTICE: the files in `spec/` are the schemas of the Model Context Protocol project, unchanged,
//! which that project licenses under the MIT licence.

mod check;
mod envelope;
mod spec;
mod sse;
mod strict;
mod validator;

pub use self::{
    check::{From, check},
    validator::{ReceivedResponse, SchemaValidator, SentRequest},
};
