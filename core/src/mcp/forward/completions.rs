//! Completions of a template of resources: those with which it would name what the caller may not know of are not passed (threat R7).
//!
//! The template is filled in as far as the request says: with the value, and with what it says of the other variables. It is looked at as
//! it stands and as RFC 6570 encodes it. Of what is only named by a variable that the request leaves open nothing is known.
//!
//! Source: MCP specification 2025-11-25, server/utilities/completion; RFC 6570.

use std::borrow::Cow;

use serde_json::Value;

use super::{Forward, judge};
use crate::{gateway::RawMessage, mcp::invocation::InvocationCx, policy::PolicyKind};

/// In the place of completions that cannot be read.
const NONE: &str = r#"{"completion":{"values":[]}}"#;

impl Forward {
    /// An answer about something of this kind, which may be an error, without completions that the caller may not know of.
    pub(super) fn shown_completions(
        &self,
        answer: RawMessage,
        (kind, is_error): (PolicyKind, bool),
        icx: &InvocationCx<'_, '_>,
    ) -> RawMessage {
        if is_error || kind != PolicyKind::Resource || self.method != "completion/complete" {
            return answer;
        }
        let is_shown = |uri: &str| judge::is_shown(icx.cx.env.policy, kind, uri, icx.caller);
        let changed = match shown(&self.message, &answer, is_shown) {
            Some(Cow::Borrowed(_)) => None,
            Some(Cow::Owned(kept)) => Some(kept),
            None => Some(NONE.to_owned()),
        };
        match changed {
            Some(result) => answer.with_result(&result),
            None => answer,
        }
    }
}

/// What a request is to be completed.
#[derive(Debug)]
struct Completed<'a> {
    template: Cow<'a, str>,
    variable: Cow<'a, str>,
    others: Vec<(String, String)>,
}

/// The result of a request for completions of a template, with those values only of whose resource `is_shown` says that the caller may
/// know, borrowed if these are all; `None` if it is none that can be read.
fn shown<'a>(
    request: &RawMessage,
    answer: &'a RawMessage,
    is_shown: impl Fn(&str) -> bool,
) -> Option<Cow<'a, str>> {
    let text = |path: &[&str]| request.param_at(path).and_then(crate::gateway::text_of);
    const CONTEXT: [&str; 2] = ["context", "arguments"];
    let others = request.members_at(&CONTEXT);
    // Another reader may find other variables there.
    let is_odd = (others.is_none() && request.param_at(&CONTEXT).is_some())
        || request.has_lookalike(Some(&[]), &["context", "argument"])
        || request.has_lookalike(Some(&["context"]), &["arguments"])
        || request.has_lookalike(Some(&["argument"]), &["name"])
        || text(&["argument", "name"]).is_none();
    let others = others.unwrap_or_default().into_iter();
    let others = others.map(|(name, value)| {
        let text = crate::gateway::text_of(&value).map(Cow::into_owned);
        (name, text.unwrap_or(value))
    });
    let completed = Completed {
        template: text(&["ref", "uri"])?,
        variable: text(&["argument", "name"]).unwrap_or_default(),
        others: others.collect(),
    };
    let whole = answer.result()?;
    let mut result: Value = serde_json::from_str(whole).ok()?;
    let completion = result.get_mut("completion")?.as_object_mut()?;
    let values = completion.get_mut("values")?.as_array_mut()?;
    let before = values.len();
    values.retain(|value| {
        let uris = value.as_str().map(|value| completed.uris(value));
        let is_shown = |uri: &Option<String>| uri.as_deref().is_some_and(&is_shown);
        !is_odd && uris.is_some_and(|uris| uris.iter().all(is_shown))
    });
    if values.len() == before {
        return Some(Cow::Borrowed(whole));
    }
    // How many there are in all would tell of those that are not there.
    completion.remove("total");
    Some(Cow::Owned(result.to_string()))
}

impl Completed<'_> {
    /// What the template names with this value: as the value stands, and as it is encoded. One that cannot be filled in names something
    /// that nobody is shown.
    fn uris(&self, value: &str) -> Vec<Option<String>> {
        [false, true]
            .map(|is_encoded| self.uri(value, is_encoded))
            .into()
    }

    fn uri(&self, value: &str, is_encoded: bool) -> Option<String> {
        let value_of = |name: &str| match name == self.variable {
            true => Some(value),
            false => {
                let mut others = self.others.iter();
                let other = others.find(|(other, _)| other == name);
                other.map(|(_, value)| value.as_str())
            }
        };
        let mut uri = String::new();
        let mut rest: &str = &self.template;
        while let Some((literal, after)) = rest.split_once('{') {
            let (expression, after) = after.split_once('}')?;
            uri.push_str(literal);
            fill_in(expression, value_of, is_encoded, &mut uri)?;
            rest = after;
        }
        uri.push_str(rest);
        Some(uri)
    }
}

/// How an expression of this operator is written: what is before its first variable and between them, whether each has its name, and
/// whether reserved characters stand as they are (RFC 6570 appendix A).
fn written(operator: &str) -> Option<(&'static str, &'static str, bool, bool)> {
    Some(match operator {
        "+" => ("", ",", false, true),
        "#" => ("#", ",", false, true),
        "." => (".", ".", false, false),
        "/" => ("/", "/", false, false),
        ";" => (";", ";", true, false),
        "?" => ("?", "&", true, false),
        "&" => ("&", "&", true, false),
        _ => return None,
    })
}

/// Writes an expression with the values that there are; `None` if it is none.
fn fill_in<'a>(
    expression: &str,
    value_of: impl Fn(&str) -> Option<&'a str>,
    is_encoded: bool,
    uri: &mut String,
) -> Option<()> {
    let operator = written(expression.get(..1)?);
    let list = match operator {
        Some(_) => expression.get(1..)?,
        None => expression,
    };
    let (first, between, is_named, is_reserved) = operator.unwrap_or(("", ",", false, false));
    let mut before = first;
    for variable in list.split(',') {
        let (name, longest) = match variable.split_once(':') {
            Some((name, longest)) => (name, longest.parse().ok()?),
            None => (variable.trim_end_matches('*'), usize::MAX),
        };
        let Some(value) = value_of(name) else {
            continue;
        };
        uri.push_str(std::mem::replace(&mut before, between));
        if is_named {
            uri.push_str(name);
            uri.push('=');
        }
        let mut buffer = [0; 4];
        for letter in value.chars().take(longest) {
            let stands = letter.is_ascii_alphanumeric()
                || "-._~".contains(letter)
                || (is_reserved && ":/?#[]@!$&'()*+,;=%".contains(letter));
            match stands || !is_encoded {
                true => uri.push(letter),
                false => {
                    for byte in letter.encode_utf8(&mut buffer).bytes() {
                        uri.push_str(&format!("%{byte:02X}"));
                    }
                }
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is left of these values of `path`, where nobody is shown what is in `/etc`.
    fn left(template: &str, others: &Value, values: &Value) -> Value {
        let reference = json!({"type": "ref/resource", "uri": template});
        let params = json!({
            "ref": reference,
            "argument": {"name": "path", "value": ""},
            "context": {"arguments": others},
        });
        let method = "completion/complete";
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let completion = json!({"values": values, "total": 9, "hasMore": true, "x": 1});
        let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"completion": completion}});
        let [request, answer] =
            [request, answer].map(|text| RawMessage::read(&text.to_string()).unwrap());
        let is_shown = |uri: &str| !uri.replace("%2F", "/").starts_with("file:///etc/");
        let result = shown(&request, &answer, is_shown).unwrap();
        serde_json::from_str::<Value>(&result).unwrap()["completion"].clone()
    }

    // R7
    #[test]
    fn values_that_would_name_what_is_hidden_are_not_among_the_completions() {
        for (template, others, values) in [
            ("file:///{path}", json!({}), json!(["etc/a", "b"])),
            ("file:///{+path}", json!({}), json!(["etc/a", "b"])),
            ("file:///{dir}/{path}", json!({"dir": "etc"}), json!(["a"])),
            ("file://{/dir,path}", json!({"dir": "etc"}), json!(["a"])),
            ("file:///etc/x{?path}", json!({}), json!(["a"])),
            ("file:///{path:5}", json!({}), json!(["etc/abc", "b"])),
            ("file:///{path", json!({}), json!(["a"])),
            ("file:///x/{path}", json!(["etc"]), json!(["a"])),
            ("file:///{path}", json!({}), json!([1, "etc/a", "b"])),
        ] {
            let left = left(template, &others, &values);
            let expected = match values.as_array().unwrap().len() {
                1 => json!([]),
                _ => json!(["b"]),
            };
            assert_eq!(
                left,
                json!({"values": expected, "hasMore": true, "x": 1}),
                "{template}"
            );
        }
    }

    #[test]
    fn completions_of_which_none_is_hidden_are_the_same_bytes() {
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"uri":"file:///{path}"},"argument":{"name":"path"}}}"#;
        let result = r#"{"x": 1.00, "completion": {"values": ["a", "caf\u00e9"], "total": 9}}"#;
        let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        let [request, answer] = [request, &answer].map(|text| RawMessage::read(text).unwrap());
        assert_eq!(shown(&request, &answer, |_| true).unwrap(), result);
    }
}
