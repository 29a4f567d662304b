//! HTTP, as far as the `http` crate does not have it: answers, forms, cookies, CORS.

pub(crate) mod cookie;
pub(crate) mod json_object;

pub(crate) use entra_mcp_wire::{form, response};
