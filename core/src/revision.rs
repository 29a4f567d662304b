//! The revisions of the Model Context Protocol, and what of it differs between them.
//!
//! Features that several revisions share are one table here; whatever only one revision knows stands in
//! the file of that revision.
//!
//! Source: the key changes of each revision of the MCP specification.

/// A revision of the protocol that this server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Revision {
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
}

/// What a revision has, as far as this server uses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    /// Several messages may come as one array.
    pub(crate) batches: bool,
    /// Tools have `annotations`.
    pub(crate) annotations: bool,
    /// Everything that is listed, and content, have `_meta`; results have it always.
    pub(crate) meta: bool,
    /// The parameters of notifications, and of what the server asks, have `_meta` by name.
    pub(crate) params_meta: bool,
    /// Tools and programs have a `title`.
    pub(crate) titles: bool,
    /// Content may be sound.
    pub(crate) audio: bool,
    /// Content may link to a resource.
    pub(crate) resource_links: bool,
    /// The user can be asked to fill in a form.
    pub(crate) elicitation: bool,
    /// The user can be sent to a web page.
    pub(crate) url_elicitation: bool,
    /// A form may let choose several values and has defaults of every kind; choices have their titles
    /// beside them (SEP-1034, SEP-1330).
    pub(crate) rich_forms: bool,
    /// A stream begins with an event that has an id and no data, and may be ended early to be
    /// come back to.
    pub(crate) priming: bool,
    /// Tools, resources, prompts and programs have `icons`.
    pub(crate) icons: bool,
    /// Tools have an `outputSchema`, their results `structuredContent`.
    pub(crate) structured_content: bool,
    /// Arguments that do not fit the schema are an error of the tool, which the model sees and can
    /// mend, not one of the protocol (SEP-1303).
    pub(crate) bad_arguments_are_tool_errors: bool,
    /// Every request stands for itself: no `initialize`, no session.
    pub(crate) stateless: bool,
}

impl Revision {
    /// All of them, the newest first.
    pub(crate) const ALL: [Self; 5] = [
        Self::V2026_07_28,
        Self::V2025_11_25,
        Self::V2025_06_18,
        Self::V2025_03_26,
        Self::V2024_11_05,
    ];

    /// The newest that begins with `initialize`.
    pub(crate) const NEWEST_WITH_SESSIONS: Self = Self::V2025_11_25;

    /// What it has: the table of all revisions.
    pub(crate) fn features(self) -> Features {
        let since = |first| self >= first;
        Features {
            batches: self == Self::V2025_03_26,
            annotations: since(Self::V2025_03_26),
            meta: since(Self::V2025_06_18),
            params_meta: since(Self::V2025_11_25),
            titles: since(Self::V2025_06_18),
            audio: since(Self::V2025_03_26),
            resource_links: since(Self::V2025_06_18),
            elicitation: since(Self::V2025_06_18),
            url_elicitation: since(Self::V2025_11_25),
            rich_forms: since(Self::V2025_11_25),
            priming: self == Self::V2025_11_25,
            icons: since(Self::V2025_11_25),
            structured_content: since(Self::V2025_06_18),
            bad_arguments_are_tool_errors: since(Self::V2025_11_25),
            stateless: since(Self::V2026_07_28),
        }
    }

    /// How it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Reads what [`Revision::name`] wrote: compared whole.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.name() == text)
    }

    /// The revision that `initialize` agrees on: the one that was asked for, or the newest that
    /// has sessions, if that one is unknown (lifecycle, version negotiation).
    pub(crate) fn negotiate(requested: &str) -> Self {
        Self::parse(requested)
            .filter(|revision| !revision.features().stateless)
            .unwrap_or(Self::NEWEST_WITH_SESSIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialize_with_unknown_revision_gets_the_newest_with_sessions() {
        assert_eq!(Revision::negotiate("2025-03-26"), Revision::V2025_03_26);
        for other in ["2026-07-28", "1999-01-01", "", "2025-11-25 ", "DROP TABLE"] {
            assert_eq!(Revision::negotiate(other), Revision::V2025_11_25, "{other}");
        }
    }
}
