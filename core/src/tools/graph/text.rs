//! Texts that others have written, as the model reads them; and texts of the model, as Graph's query languages take them.
//!
//! Source: Microsoft Graph, "Use the $search query parameter"; HTML, "named character references" (the common ones).

/// The most characters of a text that is returned.
pub(super) const CHARACTERS: usize = 50_000;

/// The text, cut where it is too long; and whether it was.
pub(super) fn cut(text: &str) -> (String, bool) {
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => (text.get(..end).unwrap_or_default().to_owned(), true),
        None => (text.to_owned(), false),
    }
}

/// What a reader sees of HTML: no tags, no scripts, no empty lines in a row.
pub(super) fn of_html(html: &str) -> String {
    let mut shown = String::with_capacity(html.len().min(CHARACTERS));
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at_checked(start).unwrap_or((rest, ""));
        shown.push_str(before);
        let name = tag.trim_start_matches(['<', '/']);
        let is = |element: &str| {
            let head = name.get(..element.len()).unwrap_or_default();
            head.eq_ignore_ascii_case(element)
        };
        if ["br", "p", "div", "li", "tr", "h1", "h2", "h3"]
            .into_iter()
            .any(is)
        {
            shown.push('\n');
        }
        // What is between these is for no reader.
        let hidden = ["script", "style"].into_iter().find(|element| is(element));
        let closed = hidden.filter(|_| !tag.starts_with("</"));
        let end = match closed {
            Some(element) => {
                let close = format!("</{element}");
                let lower = tag.to_ascii_lowercase();
                let close = lower.find(&close);
                close.and_then(|close| Some(close + tag.get(close..)?.find('>')?))
            }
            None => tag.find('>'),
        };
        rest = end.and_then(|end| tag.get(end + 1..)).unwrap_or_default();
    }
    shown.push_str(rest);
    lines(&entities(&shown))
}

fn entities(text: &str) -> String {
    let named = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        // Last, so that nothing is read twice.
        ("&amp;", "&"),
    ];
    let mut text = text.to_owned();
    for (name, character) in named {
        text = text.replace(name, character);
    }
    text
}

fn lines(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// A text of the model inside of the quotation marks of `$search`.
pub(super) fn quoted(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|character| !character.is_control())
        .map(|character| {
            if matches!(character, '"' | '\\') {
                ' '
            } else {
                character
            }
        })
        .collect();
    format!("\"{}\"", plain.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_what_a_reader_sees() {
        let html = "<div>Hello&nbsp;<b>Adele</b>,</div><STYLE>p { color: red }</STYLE>\n\n<p>1 &lt; 2 &amp;amp; so on</p>\
                    <script>alert(1)</script><p>Bye";
        assert_eq!(of_html(html), "Hello Adele,\n1 < 2 &amp; so on\nBye");
        for broken in ["", "<", "a<b", "<script>", "</", "é<é>é"] {
            assert!(!of_html(broken).contains('<'), "{broken}");
        }
    }

    #[test]
    fn quotation_marks_of_the_model_end_no_query() {
        assert_eq!(quoted("from:adele budget"), "\"from:adele budget\"");
        assert_eq!(quoted("a\" OR \"mail:\\b\n"), "\"a  OR  mail: b\"");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("short"), ("short".to_owned(), false));
        let (text, is_cut) = cut(&"é".repeat(CHARACTERS + 1));
        assert!(is_cut && text.chars().count() == CHARACTERS);
    }
}
