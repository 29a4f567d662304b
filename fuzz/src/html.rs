//! As much of HTML as a user needs to press a button: forms, their fields, buttons and links.

use url::Url;

/// A form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent.
    pub action: Url,
    /// Whether it is sent by POST.
    pub is_post: bool,
    /// The fields that are sent, with the values they have.
    pub fields: Vec<(String, String)>,
    /// The buttons that send it.
    pub buttons: Vec<Button>,
}

/// Something to press: a button of a form, or a link.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Button {
    /// The field that it adds, if it has a name.
    pub field: Option<(String, String)>,
    /// Where it sends the form instead, if it says so.
    pub action: Option<Url>,
    /// What it says.
    pub text: String,
}

/// A tag of a page.
#[derive(Debug)]
struct Tag<'a> {
    name: String,
    attributes: Vec<(String, String)>,
    /// The text after it, to the next tag.
    text: &'a str,
}

impl Tag<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let (_, value) = attributes.find(|(key, _)| key == name)?;
        Some(value)
    }

    fn field(&self) -> Option<(String, String)> {
        let value = self.get("value").unwrap_or_default();
        Some((self.get("name")?.to_owned(), value.to_owned()))
    }
}

/// The forms of a page at an address.
#[must_use]
pub fn forms(page: &str, base: &Url) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut open: Option<Form> = None;
    let mut pressing = false;
    for tag in tags(page) {
        match tag.name.as_str() {
            "form" => {
                forms.extend(open.take());
                open = Some(begin(&tag, base));
                continue;
            }
            "/form" => {
                forms.extend(open.take());
                continue;
            }
            _ => {}
        }
        let Some(form) = &mut open else {
            continue;
        };
        match tag.name.as_str() {
            "input" | "button" => {
                pressing = add_control(form, &tag, base);
            }
            "/button" => pressing = false,
            _ => {}
        }
        if pressing && let Some(button) = form.buttons.last_mut() {
            button.text.push_str(&unescape(tag.text));
            button.text.push(' ');
        }
    }
    forms.extend(open);
    forms
}

fn begin(tag: &Tag<'_>, base: &Url) -> Form {
    let action = tag.get("action").unwrap_or_default();
    Form {
        action: base.join(action).unwrap_or_else(|_| base.clone()),
        is_post: tag
            .get("method")
            .is_some_and(|method| method.eq_ignore_ascii_case("post")),
        fields: Vec::new(),
        buttons: Vec::new(),
    }
}

/// Adds a control to a form; says whether it is a button whose text follows.
fn add_control(form: &mut Form, tag: &Tag<'_>, base: &Url) -> bool {
    let kind = tag.get("type").unwrap_or_default().to_ascii_lowercase();
    let is_button = tag.name == "button" || kind == "submit";
    if is_button && (kind.is_empty() || kind == "submit") {
        form.buttons.push(Button {
            field: tag.field(),
            action: tag.get("formaction").and_then(|to| base.join(to).ok()),
            text: tag.get("value").unwrap_or_default().to_owned() + " ",
        });
        return tag.name == "button";
    }
    let chosen = !matches!(kind.as_str(), "checkbox" | "radio") || tag.get("checked").is_some();
    if chosen && tag.name == "input" {
        form.fields.extend(tag.field());
    }
    false
}

fn tags(page: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((inside, text)) = split_tag(after) else {
            break;
        };
        let next = text.find('<').unwrap_or(text.len());
        let (text_before, after) = text.split_at(next);
        let (name, attributes) = inside
            .split_once(|character: char| character.is_ascii_whitespace())
            .unwrap_or((inside, ""));
        tags.push(Tag {
            name: name.trim_end_matches('/').to_ascii_lowercase(),
            attributes: attributes_of(attributes),
            text: text_before,
        });
        rest = after;
    }
    tags
}

/// Splits at the `>` that ends a tag, not at one in a quoted value.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '>') => {
                let (inside, rest) = text.split_at(at);
                return Some((inside, rest.strip_prefix('>')?));
            }
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

fn attributes_of(text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && rest != "/" {
        let end = rest
            .find(|character: char| character == '=' || character.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            None => ("", after),
            Some(after) => {
                let quote = after
                    .chars()
                    .next()
                    .filter(|quote| matches!(quote, '"' | '\''));
                match quote {
                    Some(quote) => after
                        .get(1..)
                        .and_then(|quoted| quoted.split_once(quote))
                        .unwrap_or((after, "")),
                    None => after
                        .split_once(|character: char| character.is_ascii_whitespace())
                        .unwrap_or((after, "")),
                }
            }
        };
        attributes.push((name.to_ascii_lowercase(), unescape(value)));
        rest = after.trim_start();
    }
    attributes
}

/// Replaces the character references that our pages use.
#[must_use]
pub fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&apos;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_is_read_with_its_fields_and_buttons() {
        let page = r#"<p>Hi</p><form method="post" action="/consent">
            <input type=hidden name=request value="a&amp;b>c">
            <button name="decision" value="approve" autofocus><b>Yes</b>, allow</button>
            <button name=decision value=deny>No</button></form>"#;
        let base = Url::parse("https://a.example/authorize?x=1").unwrap();
        let forms = forms(page, &base);
        assert_eq!(forms.len(), 1);
        let form = &forms[0];
        assert_eq!(form.action.as_str(), "https://a.example/consent");
        assert!(form.is_post);
        assert_eq!(form.fields, [("request".to_owned(), "a&b>c".to_owned())]);
        assert_eq!(form.buttons.len(), 2);
        assert!(form.buttons[0].text.contains("Yes"), "{:?}", form.buttons);
        assert!(form.buttons[0].text.contains(", allow"));
        let deny = ("decision".to_owned(), "deny".to_owned());
        assert_eq!(form.buttons[1].field.as_ref(), Some(&deny));
    }
}
