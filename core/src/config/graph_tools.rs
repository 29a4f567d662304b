//! Which tools of Microsoft Graph the server offers by itself.

/// A family of read-only tools of Microsoft Graph (`--graph`).
///
/// ```
/// use entra_mcp_core::config::GraphTools;
///
/// assert_eq!(GraphTools::parse("mail"), Some(GraphTools::Mail));
/// assert_eq!(GraphTools::Search.as_str(), "search");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum GraphTools {
    /// `mail_list`, `mail_search`, `mail_get`.
    Mail,
    /// `calendar_view`, `tasks`.
    Calendar,
    /// `files_search`, `file_content`, `sites_search`.
    Files,
    /// `people`, `users_search`.
    People,
    /// `chats_list`, `chat_messages`.
    Teams,
    /// `search`, `fetch`: in the shape in which ChatGPT looks for them.
    Search,
}

impl GraphTools {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Mail,
        Self::Calendar,
        Self::Files,
        Self::People,
        Self::Teams,
        Self::Search,
    ];

    /// Returns the name, as the setting has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Calendar => "calendar",
            Self::Files => "files",
            Self::People => "people",
            Self::Teams => "teams",
            Self::Search => "search",
        }
    }

    /// Returns the family of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tools| tools.as_str() == name)
    }
}
