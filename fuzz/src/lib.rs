//! The whole world of entra-mcp in one process, without any I/O: replicas of the server over one
//! store, Entra and Graph, MCP clients, browsers with users before them, and attackers. One clock
//! that the world moves, one source for every decision, checks after every step.
//!
//! What is real: the core, the dev tenant, every byte between them. What is made up: the network,
//! the store, the clients and browsers. `world` ties them together; `core/tests` walks through
//! sign-ins with it, `tests/seeds.rs` shakes it.

pub mod attacker;
pub mod backend;
pub mod browser;
pub mod checks;
pub mod choice;
pub mod client;
pub mod clock;
pub mod crowd;
pub mod device;
pub mod entra;
pub mod entra_caller;
pub mod fault_injection;
pub mod fixture;
pub mod greedy;
pub mod html;
pub mod human;
pub mod ids;
pub mod listed;
pub mod net;
pub mod observation;
pub mod options;
pub mod partition;
mod replica;
mod server;
pub mod simulate;
pub mod sites;
pub mod store;
pub mod targets;
pub mod tools;
pub mod trace;
pub mod unkindness;
pub mod users;
pub mod world;
