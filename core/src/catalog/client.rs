//! The client through which a call comes: what it says of itself, and what is known of it.
//!
//! Source: MCP specification 2025-11-25, basic/lifecycle (`clientInfo`); 2026-07-28, basic (`_meta`).

use super::ClientCapabilities;
use crate::{
    log_event::{is_invisible, is_plain},
    revision::Revision,
};

/// The longest name or version that a client says of itself and that is kept, in characters.
const INFO_CHARS: usize = 64;

/// The client through which a call comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// The program and its version, as it says itself (`clientInfo`), if it says so. That proves nothing.
    pub info: ClientInfo,
    /// What the log and the audit log call it: the beginning of the SHA-256 of its `client_id`, in hexadecimal digits; the same for
    /// every user.
    pub id: String,
    /// The name under which its user has approved it; none of an access token of Entra's.
    pub approved_as: Option<String>,
    /// Who vouches for that name.
    pub verified_by: VerifiedBy,
    /// The revision of MCP that it speaks, such as `2025-11-25`.
    pub revision: &'static str,
    /// What it can be asked. Asking anything else fails the call.
    pub capabilities: ClientCapabilities,
}

/// Which program a client says that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its name, for programs; cut at 64 characters, without control characters.
    pub name: Option<String>,
    /// Its version, likewise.
    pub version: Option<String>,
}

/// Who vouches for the name under which a client was approved, and for where it returns to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifiedBy {
    /// Nobody: it registered itself, or its user signed in before this was kept.
    #[default]
    Nobody,
    /// The site of this host, which has its document.
    Site(String),
    /// The operator of this server, who has registered it.
    Operator,
    /// Entra ID, whose access token names it: see [`Principal::application`](super::Principal::application).
    Entra,
}

impl ClientInfo {
    /// What a client says of itself, as far as it is kept.
    pub(crate) fn new(name: Option<&str>, version: Option<&str>) -> Self {
        Self {
            name: name.and_then(kept),
            version: version.and_then(kept),
        }
    }

    /// Both in one text, a line each.
    pub(crate) fn to_lines(&self) -> String {
        let line = |member: &Option<String>| member.clone().unwrap_or_default();
        format!("{}\n{}", line(&self.name), line(&self.version))
    }

    /// Reads what [`Self::to_lines`] gave.
    pub(crate) fn of_lines(lines: &str) -> Self {
        let (name, version) = lines.split_once('\n').unwrap_or_default();
        Self::new(Some(name), Some(version))
    }
}

fn kept(text: &str) -> Option<String> {
    // As almost all of them are.
    if (1..=INFO_CHARS).contains(&text.len()) && is_plain(text) {
        return Some(text.to_owned());
    }
    let visible = text
        .chars()
        .filter(|character| !character.is_control() && !is_invisible(*character));
    let kept: String = visible.take(INFO_CHARS).collect();
    (!kept.is_empty()).then_some(kept)
}

impl Client {
    /// A client of which no more is known than that it speaks this revision.
    pub(crate) fn of_revision(revision: Revision, capabilities: ClientCapabilities) -> Self {
        Self {
            revision: revision.name(),
            capabilities,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_is_cut_and_read_again_as_it_was_kept() {
        let long = "x".repeat(100);
        let info = ClientInfo::new(Some("a\nclient\u{202e}"), Some(&long));
        assert_eq!(info.name.as_deref(), Some("aclient"));
        assert_eq!(info.version.as_ref().map(String::len), Some(INFO_CHARS));
        assert_eq!(ClientInfo::of_lines(&info.to_lines()), info);
        let none = ClientInfo::default();
        assert_eq!(ClientInfo::of_lines(&none.to_lines()), none);
        assert_eq!(ClientInfo::of_lines(""), none);
    }
}
