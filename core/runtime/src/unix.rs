//! What is specific to Unix.

pub(crate) mod owner;
