//! Checks a schema once, so that a value can be checked without another error: that its keywords have values of
//! their kind, and its references lead somewhere in the same document.

mod circle;
mod keywords;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde_json::Value;

use crate::document::Schema;

/// Keywords whose value is a schema.
const ONE: [&str; 11] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value holds schemas by name.
const NAMED: [&str; 5] = [
    "$defs",
    "definitions",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// What was found in a document so far.
struct Found<'a> {
    root: &'a Value,
    /// The places of the schemas that were looked at, as JSON Pointers.
    schemas: BTreeSet<String>,
    /// Where each anchor stands.
    anchors: BTreeMap<String, String>,
    /// The references, which may lead to what comes later.
    references: BTreeSet<String>,
    patterns: BTreeMap<String, Regex>,
    tracks: bool,
}

/// Checks a schema.
pub(crate) fn compile(root: Value) -> Result<Schema, String> {
    let mut found = Found {
        root: &root,
        schemas: BTreeSet::new(),
        anchors: BTreeMap::new(),
        references: BTreeSet::new(),
        patterns: BTreeMap::new(),
        tracks: false,
    };
    found.schema(&root, String::new())?;
    let mut references = BTreeMap::new();
    // A reference may lead to a schema that stands in no keyword, which may hold others.
    while let Some(reference) = found.references.pop_first() {
        if references.contains_key(&reference) {
            continue;
        }
        let target = found.resolve(&reference)?;
        let schema = found.root.pointer(&target);
        let schema = schema.ok_or_else(|| leads_nowhere(&reference))?;
        found.schema(schema, target.clone())?;
        references.insert(reference, target);
    }
    circle::refuse(&root, &found.schemas, &references)?;
    let (patterns, tracks) = (found.patterns, found.tracks);
    Ok(Schema {
        root,
        references,
        patterns,
        tracks,
    })
}

fn leads_nowhere(reference: &str) -> String {
    format!("the reference {reference:?} leads nowhere")
}

impl Found<'_> {
    /// Looks at a schema and at those inside.
    fn schema(&mut self, schema: &Value, place: String) -> Result<(), String> {
        if !self.schemas.insert(place.clone()) {
            return Ok(());
        }
        let keywords = match schema {
            Value::Bool(_) => return Ok(()),
            Value::Object(keywords) => keywords,
            _ => return Err(format!("{place:?} is no schema")),
        };
        // First, because what stands in another document is named there.
        if !place.is_empty() && keywords.contains_key("$id") {
            let problem = "begins another document, and a schema is one";
            return Err(format!("\"$id\" of {place:?} {problem}"));
        }
        for (keyword, argument) in keywords {
            let at = |problem| format!("{keyword:?} of {place:?} {problem}");
            keywords::check(keyword, argument).map_err(at)?;
            self.identifier(keyword, argument, &place).map_err(at)?;
            let inner = format!("{place}/{}", escaped(keyword));
            self.inner(keyword, argument, &inner)?;
        }
        Ok(())
    }

    /// Looks at the schemas that a keyword holds.
    fn inner(&mut self, keyword: &str, argument: &Value, place: &str) -> Result<(), String> {
        if ONE.contains(&keyword) {
            return self.schema(argument, place.to_owned());
        }
        if LIST.contains(&keyword) {
            for (index, schema) in crate::evaluate::list(argument).iter().enumerate() {
                self.schema(schema, format!("{place}/{index}"))?;
            }
        }
        if let (true, Some(members)) = (NAMED.contains(&keyword), argument.as_object()) {
            for (name, schema) in members {
                if keyword == "patternProperties" {
                    self.pattern(name)
                        .map_err(|problem| format!("{place:?} {problem}"))?;
                }
                self.schema(schema, format!("{place}/{}", escaped(name)))?;
            }
        }
        Ok(())
    }

    /// Remembers what a keyword names or refers to.
    fn identifier(&mut self, keyword: &str, argument: &Value, place: &str) -> Result<(), String> {
        let text = argument.as_str().unwrap_or_default();
        match keyword {
            "$ref" | "$dynamicRef" => drop(self.references.insert(text.to_owned())),
            "$anchor" | "$dynamicAnchor" => {
                let before = self.anchors.insert(text.to_owned(), place.to_owned());
                if before.is_some_and(|before| before != place) {
                    return Err("is used twice".to_owned());
                }
            }
            "pattern" => self.pattern(text)?,
            "unevaluatedItems" | "unevaluatedProperties" => self.tracks = true,
            _ => {}
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), String> {
        if !self.patterns.contains_key(pattern) {
            let compiled = Regex::new(&pattern::translated(pattern));
            let compiled = compiled.map_err(|error| format!("cannot be read: {error}"))?;
            self.patterns.insert(pattern.to_owned(), compiled);
        }
        Ok(())
    }

    /// Where a reference leads, as a JSON Pointer.
    fn resolve(&self, reference: &str) -> Result<String, String> {
        let id = self.root.get("$id").and_then(Value::as_str);
        let id = id.map(|id| id.trim_end_matches('#')).unwrap_or_default();
        let fragment = match reference.strip_prefix(id).unwrap_or(reference) {
            "" => "",
            rest => rest
                .strip_prefix('#')
                .or_else(|| reference.strip_prefix('#'))
                .ok_or_else(|| {
                    format!(
                        "the reference {reference:?} leads to another document, and none is fetched"
                    )
                })?,
        };
        let fragment = percent_decoded(fragment).ok_or_else(|| leads_nowhere(reference))?;
        if fragment.is_empty() || fragment.starts_with('/') {
            return Ok(fragment);
        }
        let anchored = self.anchors.get(&fragment).cloned();
        anchored.ok_or_else(|| leads_nowhere(reference))
    }
}

/// A name as a part of a JSON Pointer (RFC 6901 section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// RFC 3986 section 2.1; `None` if it is not encoded so.
fn percent_decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}
