//! What both runtimes need of the operating system, written once: arguments and variables, the
//! data folder with its key and its store, the log, the clocks, randomness and signals.
//!
//! A runtime's `main` calls [`boot()`] and has all that is neither I/O with peers nor concurrency.

mod boot;
mod clock;
pub mod command_line;
pub mod encode;
mod folder;
mod gate;
mod harden;
mod key;
pub mod library;
mod listen;
mod log;
mod seed;
mod settings;
mod signals;
mod startup_banner;
mod store;
mod tenant;

pub use self::{
    boot::{RuntimeParts, Settings, StartError, boot},
    clock::Clock,
    gate::{Gate, Lane, Pass},
    listen::{bind, connection_ceiling},
    log::audit,
    seed::seed,
    settings::{Flag, Program},
    signals::on_shutdown,
    store::FileStore,
    tenant::Tenant,
};
