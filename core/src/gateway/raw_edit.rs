//! JSON with a member more, or less; everything else stays the bytes that it is.

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
    let cut = Members::of(text, at)?.cut(last);
    Ok(splice(text, cut.map(|cut| (cut, "")).into_iter().collect()))
}

/// A text as a string of JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
