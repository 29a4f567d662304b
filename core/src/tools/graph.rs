//! Read-only tools of Microsoft Graph: mail, calendar, files, people, chats, and a search over them. None is offered unless the
//! operator asks for its family (`--graph`).
//!
//! Each needs one scope, the least that Graph wants for it, and asks for that when it is first called. What it returns is chosen
//! member by member (threat P5); what others have written in it is a text for the model and no more. Where the answer
//! has more pages, the cursor holds what Graph's next link says of the place in the list, never the link itself (threat P9).
//!
//! Source: Microsoft Graph v1.0, the pages that the files name.

mod calendar;
mod fields;
mod files;
mod list;
mod mail;
mod people;
mod search;
mod teams;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    catalog::{Call, CatalogBuilder, Handler, ScopeDefinition, Step, Tool, ToolResult},
    config::GraphTools,
};

/// A tool and what it does.
type Offer = (Tool, fn(&Call) -> Step<ToolResult>);

/// A scope, its permission at Graph, and what it allows.
type Permission = (&'static str, &'static str, &'static str);

/// Adds the tools of these families, and the scopes that they need.
#[must_use]
pub fn register(mut catalog: CatalogBuilder, families: &BTreeSet<GraphTools>) -> CatalogBuilder {
    for family in families {
        let (scopes, offers) = match family {
            GraphTools::Mail => (mail::SCOPES, mail::offers()),
            GraphTools::Calendar => (calendar::SCOPES, calendar::offers()),
            GraphTools::Files => (files::SCOPES, files::offers()),
            GraphTools::People => (people::SCOPES, people::offers()),
            GraphTools::Teams => (teams::SCOPES, teams::offers()),
            GraphTools::Search => (search::SCOPES, search::offers()),
        };
        for (name, permission, description) in scopes {
            catalog = catalog.scope(ScopeDefinition {
                name: (*name).to_owned(),
                permission: (*permission).to_owned(),
                description: (*description).to_owned(),
            });
        }
        for (tool, step) in offers {
            catalog = catalog.tool(tool.read_only().open_world(false), Handler::Step(step));
        }
    }
    catalog
}

/// The schema of arguments: these properties, of which some are needed.
fn arguments(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
