//! Changes of resources that tools announce.

use super::*;
use crate::limits;

fn change_of(length: usize, call: &Call) -> Step<ToolResult> {
    let uri = format!("{:x<length$}", "a://");
    match call.results().len() {
        0 => Step::effect(Effect::NotifyChanged(ChangeNotification::Resource(uri))),
        _ => Step::done("changed"),
    }
}

// P4, M8
#[test]
fn change_of_a_resource_is_announced_up_to_the_longest_uri() {
    let longest = text("longest", |call| {
        change_of(limits::RESOURCE_URI_BYTES, call)
    });
    let too_long = text("too_long", |call| {
        change_of(limits::RESOURCE_URI_BYTES + 1, call)
    });
    let offered = Catalog::builder().tool(longest.0, longest.1);
    let offered = offered.tool(too_long.0, too_long.1);
    let mut world = World::offering(offered.build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    let longest = client.call(&mut world, "longest", json!({}));
    assert_eq!(longest["content"][0]["text"], "changed", "{longest}");
    let too_long = client.call(&mut world, "too_long", json!({}));
    assert_eq!(too_long["code"], -32603, "{too_long}");
}
