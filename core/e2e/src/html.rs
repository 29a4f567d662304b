//! As much of HTML as our own pages have: forms with hidden fields and buttons.

/// A form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it is posted.
    pub action: String,
    /// Its hidden fields.
    pub hidden: Vec<(String, String)>,
    /// Its buttons: name, value and what is written on them.
    pub buttons: Vec<(String, String, String)>,
}

/// The forms of a page.
#[must_use]
pub fn forms(page: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    for part in page.split("<form").skip(1) {
        let (tag, rest) = part.split_once('>').unwrap_or((part, ""));
        let body = rest.split("</form>").next().unwrap_or_default();
        let inputs = body
            .split("<input")
            .skip(1)
            .map(|input| input.split('>').next().unwrap_or_default());
        let hidden = inputs.filter(|input| attribute(input, "type") == "hidden");
        let buttons = body.split("<button").skip(1).map(|button| {
            let (tag, text) = button.split_once('>').unwrap_or((button, ""));
            let text = text.split("</button>").next().unwrap_or_default();
            (
                attribute(tag, "name"),
                attribute(tag, "value"),
                without_tags(text),
            )
        });
        forms.push(Form {
            action: attribute(tag, "action"),
            hidden: hidden
                .map(|input| (attribute(input, "name"), attribute(input, "value")))
                .collect(),
            buttons: buttons.collect(),
        });
    }
    forms
}

fn attribute(tag: &str, name: &str) -> String {
    let value = tag
        .split(&format!(" {name}=\""))
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    unescape(value.unwrap_or_default())
}

fn without_tags(text: &str) -> String {
    let mut plain = String::new();
    for part in text.split('<') {
        plain.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        plain.push(' ');
    }
    unescape(plain.trim())
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}
