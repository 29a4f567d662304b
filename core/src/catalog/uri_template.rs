//! URI templates: simple expansion, and which values make a template a given URI.
//!
//! Source: RFC 6570 level 1 (sections 2.1, 3.1 and 3.2.2); RFC 3986 section 3.3 for segments.

use serde_json::{Map, Value};

/// A piece of a template.
pub(super) enum Piece<'a> {
    Literal(&'a str),
    Variable(&'a str),
}

/// Takes a template apart; `None` if its braces do not pair or a name is empty or odd.
pub(super) fn pieces(template: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        if literal.contains('}') {
            return None;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        if literal.len() == rest.len() {
            break;
        }
        let (name, after) = after.split_once('}')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            return None;
        }
        pieces.push(Piece::Variable(name));
        rest = after;
    }
    Some(pieces)
}

/// The values that make a template this URI, decoded. Where several do, earlier variables are as short
/// as can be.
pub(super) fn matches(template: &str, uri: &str) -> Option<Map<String, Value>> {
    let pieces = pieces(template)?;
    let uri = units(uri);
    let literals: Vec<Option<Vec<String>>> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => Some(units(text)),
            Piece::Variable(_) => None,
        })
        .collect();
    let fits = fitting(&literals, &uri);
    let mut place = 0;
    let mut variables = Map::new();
    for ((piece, literal), fits) in pieces.iter().zip(&literals).zip(fits.get(1..)?) {
        let end = match literal {
            Some(literal) => starts(&uri, place, literal)?,
            None => (place + 1..=uri.len()).find(|end| fits.get(*end) == Some(&true))?,
        };
        if let Piece::Variable(name) = piece {
            let value = uri.get(place..end)?;
            let value = decoded(&value.concat())?;
            if !value_fits(&value, uri.get(place..end)?) {
                return None;
            }
            variables.insert((*name).to_owned(), Value::String(value));
        }
        place = end;
    }
    (place == uri.len()).then_some(variables)
}

fn value_fits(value: &str, units: &[String]) -> bool {
    !value.contains(['/', '\\']) && units.iter().all(|unit| is_of_segment(unit))
}

/// For each piece and one more, at which places of the URI the rest of the template fits: so that no
/// way is tried twice.
fn fitting(literals: &[Option<Vec<String>>], uri: &[String]) -> Vec<Vec<bool>> {
    let mut last = vec![false; uri.len() + 1];
    if let Some(end) = last.last_mut() {
        *end = true;
    }
    let mut all = vec![last];
    for literal in literals.iter().rev() {
        let Some(after) = all.last() else {
            break;
        };
        let fits_after = |place: usize| after.get(place) == Some(&true);
        let mut fits = vec![false; uri.len() + 1];
        // A variable may end where the rest fits, or go on if the next unit may be in it.
        let mut within = false;
        for (place, fits) in fits.iter_mut().enumerate().rev() {
            *fits = match literal {
                Some(literal) => starts(uri, place, literal).is_some_and(fits_after),
                None => {
                    let is_of = uri.get(place).is_some_and(|unit| is_of_segment(unit));
                    within = is_of && (within || fits_after(place + 1));
                    within
                }
            };
        }
        all.push(fits);
    }
    all.reverse();
    all
}

/// Where a literal ends that begins here.
fn starts(uri: &[String], place: usize, literal: &[String]) -> Option<usize> {
    let rest = uri.get(place..)?;
    rest.starts_with(literal).then_some(place + literal.len())
}

/// The characters of a URI as an expansion writes them: what a URI cannot hold is percent-encoded, each
/// triplet is one, its digits are capital (RFC 6570 section 3.1).
fn units(text: &str) -> Vec<String> {
    let mut units = Vec::new();
    let mut bytes = text.as_bytes();
    while let Some((byte, rest)) = bytes.split_first() {
        let digits = rest
            .get(..2)
            .filter(|two| two.iter().all(u8::is_ascii_hexdigit));
        match (byte, digits) {
            (b'%', Some(digits)) => {
                let digits = String::from_utf8_lossy(digits).to_ascii_uppercase();
                units.push(format!("%{digits}"));
                bytes = rest.get(2..).unwrap_or_default();
                continue;
            }
            // It stands for itself only as part of a triplet: alone it is decoded as nothing.
            (b'%', None) => units.push("%".to_owned()),
            (byte, _) if byte.is_ascii_alphanumeric() || OTHERS.contains(byte) => {
                units.push(char::from(*byte).to_string());
            }
            (byte, _) => units.push(format!("%{byte:02X}")),
        }
        bytes = rest;
    }
    units
}

/// Unreserved and reserved characters besides letters and digits (RFC 3986 section 2).
const OTHERS: &[u8] = b"-._~:/?#[]@!$&'()*+,;=";

/// Whether a value may hold it: an expansion encodes all reserved characters, but many clients leave
/// those of a path segment as they are.
fn is_of_segment(unit: &str) -> bool {
    !matches!(unit, "/" | "?" | "#" | "[" | "]")
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(template: &str, uri: &str) -> Value {
        matches(template, uri).map_or(Value::Null, Value::Object)
    }

    #[test]
    fn template_matches_a_uri_and_gives_its_variables() {
        for (template, uri, found) in [
            ("a://{id}/data", "a://x%20y/data", json!({"id": "x y"})),
            ("a://{id}", "a://x@y=", json!({"id": "x@y="})),
            ("a://{id}", "a://caf\u{e9}", json!({"id": "caf\u{e9}"})),
            // A literal may occur in a value.
            ("a://{name}.txt", "a://a.txt.txt", json!({"name": "a.txt"})),
            ("a://{a}b", "a://bb", json!({"a": "b"})),
            ("a://{a}-{b}", "a://1-2-3", json!({"a": "1", "b": "2-3"})),
            // RFC 6570 section 3.1: a literal that no URI can hold is encoded.
            ("a://caf\u{e9}/{id}", "a://caf%c3%A9/1", json!({"id": "1"})),
        ] {
            assert_eq!(values(template, uri), found, "{template} {uri}");
        }
        for uri in [
            "a:///data",
            "a://1/2/data",
            "a://1/data/",
            "a://1?x/data",
            "a://1#x/data",
            "a://%ff/data",
            "a://%4/data",
            "a://1",
            "",
        ] {
            assert_eq!(values("a://{id}/data", uri), Value::Null, "{uri}");
        }
    }

    #[test]
    fn decoded_value_with_a_separator_does_not_match() {
        for uri in [
            "a://x%2Fy",
            "a://x%2fy",
            "a://%2F",
            "a://x%5cy",
            "a://..%2F..%2Fetc",
        ] {
            assert_eq!(values("a://{id}", uri), Value::Null, "{uri}");
        }
        assert_eq!(values("a://{id}", "a://x%252Fy"), json!({"id": "x%2Fy"}));
    }

    // Each place is looked at once a piece, however many ways there are.
    #[test]
    fn ambiguous_uri_is_matched_in_linear_time() {
        let template = "a://{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}/";
        let uri = format!("a://{}", "-".repeat(2000));
        assert_eq!(values(template, &uri), Value::Null);
    }
}
