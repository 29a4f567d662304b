//! Resources: text, bytes, one to watch, and a template.

use entra_mcp_core::catalog::{
    Call, CatalogBuilder, Handler, ReadResult, Resource, ResourceContents, ResourceTemplate, Step,
};
use serde_json::json;

use crate::content::PNG;

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
pub(crate) const WATCHED: &str = "test://watched-resource";

pub(crate) fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    let text = Resource::new(TEXT, "Static text")
        .description("A text")
        .mime_type("text/plain")
        .meta("com.example/color", "red");
    let binary = Resource::new(BINARY, "Static picture")
        .description("A picture of one dot")
        .mime_type("image/png");
    let watched = Resource::new(WATCHED, "Watched resource")
        .description("A text to subscribe to")
        .mime_type("text/plain");
    let template = ResourceTemplate::new("test://template/{id}/data", "Data by id")
        .description("Data of an id")
        .mime_type("application/json");
    catalog
        .resource(text, Handler::Step(read))
        .resource(binary, Handler::Step(read))
        .resource(watched, Handler::Step(read))
        .template(template, Handler::Step(data))
}

fn read(call: &Call) -> Step<ReadResult> {
    let uri = call.name();
    Step::done(vec![match uri {
        BINARY => ResourceContents::blob(uri, PNG).mime_type("image/png"),
        WATCHED => {
            let text = "This is the content of the watched resource.";
            ResourceContents::text(uri, text).mime_type("text/plain")
        }
        _ => {
            let text = "This is the content of the static text resource.";
            let contents = ResourceContents::text(uri, text).mime_type("text/plain");
            contents.meta("com.example/color", "red")
        }
    }])
}

fn data(call: &Call) -> Step<ReadResult> {
    let id = call.text("id");
    let data = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
    let contents = ResourceContents::text(call.name(), data.to_string());
    Step::done(vec![contents.mime_type("application/json")])
}
