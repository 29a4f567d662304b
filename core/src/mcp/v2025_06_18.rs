//! Revision 2025-06-18: the `MCP-Protocol-Version` header, titles, structured tool output; batches
//! are gone.
//!
//! Source: MCP specification 2025-06-18, key changes.

use super::revision::Features;

/// What the revision has.
pub(crate) const FEATURES: Features = Features {
    name: "2025-06-18",
    batches: false,
    annotations: true,
    titles: true,
    audio: true,
    resource_links: true,
    elicitation: true,
    url_elicitation: false,
    rich_forms: false,
    priming: false,
    icons: false,
    structured_content: true,
    bad_arguments_are_tool_errors: false,
    stateless: false,
};
