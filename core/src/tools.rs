//! What the server offers by itself: the tools that act as the signed-in user.
//!
//! What a tool is called and says of itself are constants of the build (threat P6). Who it acts
//! for comes from the session token alone (threat P2), and what it returns is chosen, never passed
//! through (threat P5).

pub mod graph;
#[cfg(test)]
mod tests;
mod user_details;

use crate::{
    catalog::{Catalog, CatalogBuilder, CatalogErrors, Handler},
    config::Config,
};

/// What the model reads about this server.
const INSTRUCTIONS: &str = "The tools of this server act as the signed-in Microsoft Entra ID user.";

/// Adds what the server offers by itself.
#[must_use]
pub fn register(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog
        .instructions(INSTRUCTIONS)
        .tool(user_details::tool(), Handler::Step(user_details::step))
}

/// What a server with these settings offers by itself, and nothing else.
///
/// # Errors
///
/// Never: it is well formed, as a test shows.
pub fn catalog_of(config: &Config) -> Result<Catalog, CatalogErrors> {
    graph::register(register(Catalog::builder()), &config.graph_tools).build()
}

/// What the server offers by itself, and nothing else.
///
/// # Panics
///
/// Never: it is well formed, as a test shows.
#[must_use]
pub fn catalog() -> Catalog {
    register(Catalog::builder())
        .build()
        .expect("the server's own catalog is well formed")
}
