//! A bit of everything: the tools, prompts and resources that the official conformance suite of MCP asks
//! of a server, all as pure step functions, so that one definition runs on every runtime.
//!
//! It is also a book of examples: each file shows one thing that tools can do.
//!
//! ```
//! use entra_mcp_core::catalog::Catalog;
//! let catalog = entra_mcp_everything::register(Catalog::builder()).build().unwrap();
//! # let _ = catalog;
//! ```

mod content;
mod input;
mod input_required;
mod notifications;
mod prompts;
mod resources;
mod schemas;
mod tasks;
#[cfg(test)]
mod tests;

use entra_mcp_core::catalog::{Call, CatalogBuilder, Handler, Step, Tool, ToolResult};

/// Adds everything to a catalog.
#[must_use]
pub fn register(catalog: CatalogBuilder) -> CatalogBuilder {
    // The first tool takes no arguments and succeeds: the suite calls it to try other things.
    let catalog = content::offer(catalog);
    let catalog = notifications::offer(catalog);
    let catalog = input::offer(catalog);
    let catalog = input_required::offer(catalog);
    let catalog = tasks::offer(catalog);
    let catalog = schemas::offer(catalog);
    let catalog = prompts::offer(catalog);
    resources::offer(catalog).list_changed()
}

/// Offers tools that take no arguments, each a name, a description and a step function.
fn plain(mut catalog: CatalogBuilder, tools: &[(&str, &str, StepFunction)]) -> CatalogBuilder {
    for (name, description, step) in tools {
        catalog = catalog.tool(Tool::new(*name, *description), Handler::Step(*step));
    }
    catalog
}

/// What performs a tool.
type StepFunction = fn(&Call) -> Step<ToolResult>;
