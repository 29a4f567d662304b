//! URI templates: which values make a template a given URI.
//!
//! Of RFC 6570 these are known: `{a}`, `{a,b}`, `{+a}`, `{#a}`, `{/a,b}`, `{.a}`, and at the end `{?a,b}`, whose variables may be left
//! out. The others, and the modifiers `*` and `:n`, are not.
//!
//! Source: RFC 6570 (sections 2 and 3); RFC 3986 section 3.3 for segments.

use serde_json::{Map, Value};

/// A template, taken apart.
pub(super) struct Template<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    /// The variables of `{?a,b}`, each of which may be left out.
    pub(super) query: Vec<&'a str>,
}

/// A piece of a template.
#[derive(Clone, Copy)]
pub(super) enum Piece<'a> {
    Literal(&'a str),
    Variable(&'a str, Values),
}

/// Which values a variable can have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// What is within a segment of a path.
    Segment,
    /// More than one segment, and whatever else a URI holds (section 3.2.3).
    Reserved,
}

/// Takes a template apart; `None` if its braces do not pair, a name is empty or odd, or an operator is not known.
pub(super) fn parse(template: &str) -> Option<Template<'_>> {
    let mut parsed = Template {
        pieces: Vec::new(),
        query: Vec::new(),
    };
    let mut rest = template;
    while !rest.is_empty() {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        if literal.contains('}') {
            return None;
        }
        if !literal.is_empty() {
            parsed.pieces.push(Piece::Literal(literal));
        }
        if literal.len() == rest.len() {
            break;
        }
        let (expression, after) = after.split_once('}')?;
        match expression.strip_prefix('?') {
            // A `?` of the template's own would need `{&a}`.
            Some(list) if after.is_empty() => {
                let before = template.strip_suffix('}')?.strip_suffix(expression)?;
                if before.contains('?') {
                    return None;
                }
                parsed.query = names(list)?;
            }
            _ => expand(expression, &mut parsed.pieces)?,
        }
        rest = after;
    }
    Some(parsed)
}

/// The pieces of what stands between braces, but for a query.
fn expand<'a>(expression: &'a str, pieces: &mut Vec<Piece<'a>>) -> Option<()> {
    let operator = expression.get(..1)?;
    let (list, first, between, values) = match operator {
        "+" => (expression.get(1..)?, "", ",", Values::Reserved),
        "#" => (expression.get(1..)?, "#", ",", Values::Reserved),
        "/" => (expression.get(1..)?, "/", "/", Values::Segment),
        "." => (expression.get(1..)?, ".", ".", Values::Segment),
        _ => (expression, "", ",", Values::Segment),
    };
    for (place, name) in names(list)?.into_iter().enumerate() {
        let before = if place == 0 { first } else { between };
        if !before.is_empty() {
            pieces.push(Piece::Literal(before));
        }
        pieces.push(Piece::Variable(name, values));
    }
    Some(())
}

fn names(list: &str) -> Option<Vec<&str>> {
    let is_name = |name: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !name.is_empty() && name.bytes().all(known)
    };
    let names: Vec<_> = list.split(',').collect();
    names.iter().all(|name| is_name(name)).then_some(names)
}

/// The values that make a template this URI, decoded. Where several do, earlier variables are as short
/// as can be.
pub(super) fn matches(template: &str, uri: &str) -> Option<Map<String, Value>> {
    let Template { pieces, query } = parse(template)?;
    let (uri, given) = match uri.split_once('?') {
        Some((uri, given)) if !query.is_empty() => (uri, given),
        _ => (uri, ""),
    };
    let mut variables = query_values(&query, given)?;
    let uri = units(uri);
    let patterns: Vec<Pattern> = pieces.iter().map(|piece| Pattern::of(*piece)).collect();
    let fits = fitting(&patterns, &uri);
    let mut place = 0;
    for ((piece, pattern), fits) in pieces.iter().zip(&patterns).zip(fits.get(1..)?) {
        let end = match pattern {
            Pattern::Literal(literal) => starts(&uri, place, literal)?,
            Pattern::Variable(_) => {
                (place + 1..=uri.len()).find(|end| fits.get(*end) == Some(&true))?
            }
        };
        if let Piece::Variable(name, values) = piece {
            let units = uri.get(place..end)?;
            let value = decoded(&units.concat())?;
            if !value_fits(&value, units, *values) {
                return None;
            }
            variables.insert((*name).to_owned(), Value::String(value));
        }
        place = end;
    }
    (place == uri.len()).then_some(variables)
}

/// The values of a query (section 3.2.8): each of these names at most once, and no other.
fn query_values(names: &[&str], query: &str) -> Option<Map<String, Value>> {
    let mut values = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let is_known = names.contains(&name) && !values.contains_key(name);
        if !is_known || value.contains('#') {
            return None;
        }
        values.insert(name.to_owned(), Value::String(decoded(value)?));
    }
    Some(values)
}

/// A path that is made of a value stays where the template has it, and is no other spelling of one that another template or
/// resource has (threat P9).
fn value_fits(value: &str, units: &[String], values: Values) -> bool {
    let leads_elsewhere = |segment: &str| matches!(segment, "" | "." | "..");
    match values {
        Values::Segment => {
            !value.contains(['/', '\\'])
                && !leads_elsewhere(value)
                && units.iter().all(|unit| is_of_segment(unit))
        }
        Values::Reserved => {
            let scheme = value.split_once("://").map_or("", |(scheme, _)| scheme);
            // A URL with all its slashes is no path.
            let is_url = !scheme.is_empty() && !scheme.contains('/');
            let mut segments = value.split('/');
            !value.contains('\\')
                && !units.iter().any(|unit| unit == "%2F")
                && !segments.any(|one| leads_elsewhere(one) && !(is_url && one.is_empty()))
        }
    }
}

/// Whether two URIs are spellings of one: what need not be encoded may be, and digits may be small.
pub(super) fn are_same(one: &str, other: &str) -> bool {
    units(one) == units(other)
}

/// What a piece is in the units of a URI.
enum Pattern {
    Literal(Vec<String>),
    Variable(Values),
}

impl Pattern {
    fn of(piece: Piece<'_>) -> Self {
        match piece {
            Piece::Literal(text) => Self::Literal(units(text)),
            Piece::Variable(_, values) => Self::Variable(values),
        }
    }
}

/// For each piece and one more, at which places of the URI the rest of the template fits: so that no
/// way is tried twice.
fn fitting(patterns: &[Pattern], uri: &[String]) -> Vec<Vec<bool>> {
    let mut last = vec![false; uri.len() + 1];
    if let Some(end) = last.last_mut() {
        *end = true;
    }
    let mut all = vec![last];
    for pattern in patterns.iter().rev() {
        let Some(after) = all.last() else {
            break;
        };
        let fits_after = |place: usize| after.get(place) == Some(&true);
        let mut fits = vec![false; uri.len() + 1];
        // A variable may end where the rest fits, or go on if the next unit may be in it.
        let mut within = false;
        for (place, fits) in fits.iter_mut().enumerate().rev() {
            *fits = match pattern {
                Pattern::Literal(literal) => starts(uri, place, literal).is_some_and(fits_after),
                Pattern::Variable(values) => {
                    let is_within = |unit: &String| match values {
                        Values::Segment => is_of_segment(unit),
                        Values::Reserved => true,
                    };
                    let is_of = uri.get(place).is_some_and(is_within);
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
/// triplet is one, its digits are capital (RFC 6570 section 3.1). What need not be encoded stands for itself (RFC 3986 section 6.2.2.2).
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
                let decoded = u8::from_str_radix(&digits, 16).ok();
                let unreserved = decoded.filter(|byte| is_unreserved(*byte));
                units.push(match unreserved {
                    Some(byte) => char::from(byte).to_string(),
                    None => format!("%{digits}"),
                });
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

/// Whether a character never needs to be encoded (RFC 3986 section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
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
mod tests;
