//! Text from outside, made harmless for a line of the log and for a page.

use entra_mcp_wire::text::is_plain;

use super::is_invisible;

/// The first `limit` characters of a text, with control, invisible and direction-changing
/// characters written as escapes.
#[must_use]
pub fn sanitize(text: &str, limit: usize) -> String {
    // As almost all of it is.
    if text.len() <= limit && is_plain(text) {
        return text.to_owned();
    }
    let mut sanitize = String::new();
    for character in text.chars().take(limit) {
        if character.is_control() || is_invisible(character) {
            sanitize.extend(character.escape_unicode());
        } else {
            sanitize.push(character);
        }
    }
    if text.chars().nth(limit).is_some() {
        sanitize.push('…');
    }
    sanitize
}
