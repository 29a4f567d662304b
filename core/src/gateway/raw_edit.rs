//! JSON with a member more, or less; everything else stays the bytes that it is.

use std::ops::Range;

use super::raw_json::{JsonFault, Members, splice, whole};

/// A text, an object, with this value at that path of members. Objects that are not there are made.
pub(super) fn with_member(text: &str, path: &[&str], value: &str) -> Result<String, JsonFault> {
    let mut at = whole(text)?;
    for (depth, name) in path.iter().enumerate() {
        let members = Members::of(text, at.clone())?;
        let below = path.get(depth + 1..).unwrap_or_default();
        let nested = || {
            let nest = |inner: String, name: &&str| format!("{{{}:{inner}}}", quoted(name));
            below.iter().rev().fold(value.to_owned(), nest)
        };
        match members.get(name) {
            Some(found) if below.is_empty() || text.get(found.clone()) == Some("null") => {
                return Ok(splice(text, vec![(found, &nested())]));
            }
            Some(found) => at = found,
            None => {
                let comma = if members.names().next().is_none() {
                    ""
                } else {
                    ","
                };
                let member = format!("{comma}{}:{}", quoted(name), nested());
                let end = at.end.saturating_sub(1);
                return Ok(splice(text, vec![(end..end, &member)]));
            }
        }
    }
    Ok(text.to_owned())
}

/// A text with these values of members of the object that stands there, in the places of those of that name or after all others.
pub(super) fn with_members(
    text: &str,
    object: Range<usize>,
    values: &[(&str, &str)],
) -> Result<String, JsonFault> {
    let members = Members::of(text, object.clone())?;
    let mut is_first = members.names().next().is_none();
    let mut added = String::new();
    let mut pieces = Vec::new();
    for (name, value) in values {
        if let Some(at) = members.get(name) {
            pieces.push((at, *value));
            continue;
        }
        let comma = if std::mem::take(&mut is_first) {
            ""
        } else {
            ","
        };
        added += &format!("{comma}{}:{value}", quoted(name));
    }
    let end = object.end.saturating_sub(1);
    pieces.push((end..end, &added));
    Ok(splice(text, pieces))
}

/// A text without these members of the object that stands there.
pub(super) fn without_members(
    text: &str,
    object: Range<usize>,
    names: &[&str],
) -> Result<String, JsonFault> {
    let cut = Members::of(text, object)?.cut(names);
    Ok(splice(text, cut.into_iter().map(|cut| (cut, "")).collect()))
}

/// A text, an object, without the member at this path, if there is one.
pub(super) fn without_member(text: &str, path: &[&str]) -> Result<String, JsonFault> {
    let Some((last, above)) = path.split_last() else {
        return Ok(text.to_owned());
    };
    let mut at = whole(text)?;
    for name in above {
        match Members::of(text, at)?.get(name) {
            Some(found) if text.get(found.clone()) != Some("null") => at = found,
            Some(_) | None => return Ok(text.to_owned()),
        }
    }
    without_members(text, at, &[last])
}

/// A text as a string of JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
