//! Revision 2025-03-26: Streamable HTTP, sessions named by `Mcp-Session-Id`, tool annotations, and
//! JSON-RPC batches, which no other revision has.
//!
//! Source: MCP specification 2025-03-26, basic/transports and server/tools.

use super::revision::Features;

/// What the revision has.
pub(crate) const FEATURES: Features = Features {
    name: "2025-03-26",
    batches: true,
    annotations: true,
    titles: false,
    audio: true,
    resource_links: false,
    elicitation: false,
    url_elicitation: false,
    rich_forms: false,
    priming: false,
    icons: false,
    structured_content: false,
    bad_arguments_are_tool_errors: false,
    stateless: false,
};
