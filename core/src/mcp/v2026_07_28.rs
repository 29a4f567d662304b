//! Revision 2026-07-28: no `initialize` and no session; every request says in `_meta` which
//! revision and capabilities it has, and repeats in headers what proxies route by.
//!
//! Source: MCP specification 2026-07-28, basic/transports/streamable-http and basic (`_meta`).

use super::revision::Features;

/// What the revision has.
pub(crate) const FEATURES: Features = Features {
    name: "2026-07-28",
    batches: false,
    annotations: true,
    titles: true,
    structured_content: true,
    bad_arguments_are_tool_errors: true,
    stateless: true,
};
