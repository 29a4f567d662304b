//! Revision 2025-11-25: bad arguments of a tool are told to the model as the tool's own error.
//!
//! Source: MCP specification 2025-11-25, key changes (SEP-1303).

use super::revision::Features;

/// What the revision has.
pub(crate) const FEATURES: Features = Features {
    name: "2025-11-25",
    batches: false,
    annotations: true,
    titles: true,
    audio: true,
    resource_links: true,
    elicitation: true,
    url_elicitation: true,
    rich_forms: true,
    priming: true,
    icons: true,
    structured_content: true,
    bad_arguments_are_tool_errors: true,
    stateless: false,
};
