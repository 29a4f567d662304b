//! The one place where text becomes HTML (threats N1, N3).
//!
//! Templates are fixed in the program; what goes into their slots is escaped here, and there is no
//! other way to make an [`Html`].

use crate::text::is_invisible;

/// HTML that is safe to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

/// What a slot of a template gets.
#[derive(Clone, Copy, Debug)]
pub enum Slot<'a> {
    /// Text of anybody: escaped.
    Text(&'a str),
    /// HTML that was filled before.
    Html(&'a Html),
}

impl Html {
    /// Fills the slots of a template, written `{name}`; none may be missing.
    pub fn fill(template: &'static str, slots: &[(&str, Slot<'_>)]) -> Self {
        let mut html = String::with_capacity(template.len() * 2);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            html.push_str(before);
            let (name, after) = after.split_once('}').expect("a template closes its slots");
            let (_, slot) = slots
                .iter()
                .find(|(slot, _)| *slot == name)
                .expect("every slot of a template is given");
            match slot {
                Slot::Text(text) => escape(text, &mut html),
                Slot::Html(part) => html.push_str(&part.0),
            }
            rest = after;
        }
        html.push_str(rest);
        Self(html)
    }

    /// Puts another piece after this one.
    pub fn push(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// The bytes to send.
    pub fn into_bytes(self) -> bytes::Bytes {
        self.0.into()
    }
}

/// Text as it may stand in an element or a quoted attribute. Characters that show nothing or turn
/// the direction of others are made visible.
fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push('\n'),
            _ if character.is_control() || is_invisible(character) => html.push('\u{fffd}'),
            _ => html.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // N1, N3
    #[test]
    fn html_in_a_slot_is_escaped() {
        let text = "<script>alert('x')</script>\" onload=\"& {name} \u{202e}\u{200b}\0";
        let html = Html::fill(
            "<p title=\"{name}\">{name}</p>",
            &[("name", Slot::Text(text))],
        );
        let inner = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;&amp; \
                     {name} \u{fffd}\u{fffd}\u{fffd}";
        assert_eq!(html, Html(format!("<p title=\"{inner}\">{inner}</p>")));
        let outer = Html::fill("<b>{part}</b>", &[("part", Slot::Html(&html))]);
        assert_eq!(outer.0, format!("<b>{}</b>", html.0));
    }
}
