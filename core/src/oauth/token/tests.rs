//! The token endpoint, on a server with a store and a scripted Entra.

mod code;
mod documents;
mod key_change;
mod lifetimes;
mod preregistered;
mod races;
mod refresh;
mod reuse;
