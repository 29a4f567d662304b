//! References in a circle that never looks inside the value would be followed for ever.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::escaped;

/// A schema, as it is passed through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Under,
    Done,
}

struct Search<'a> {
    root: &'a Value,
    references: &'a BTreeMap<String, String>,
    visits: BTreeMap<String, Visit>,
}

/// Refuses a schema that applies itself to the same value.
pub(super) fn refuse(
    root: &Value,
    schemas: &BTreeSet<String>,
    references: &BTreeMap<String, String>,
) -> Result<(), String> {
    let visits = BTreeMap::new();
    let mut search = Search {
        root,
        references,
        visits,
    };
    schemas.iter().try_for_each(|place| search.visit(place))
}

impl Search<'_> {
    fn visit(&mut self, place: &str) -> Result<(), String> {
        match self.visits.get(place) {
            Some(Visit::Done) => return Ok(()),
            Some(Visit::Under) => return Err(format!("{place:?} refers to itself in a circle")),
            None => {}
        }
        self.visits.insert(place.to_owned(), Visit::Under);
        let schema = self.root.pointer(place).and_then(Value::as_object);
        let next = schema.map(|schema| self.next(schema, place));
        for next in next.into_iter().flatten() {
            self.visit(&next)?;
        }
        self.visits.insert(place.to_owned(), Visit::Done);
        Ok(())
    }

    /// The schemas that one applies to the same value.
    fn next(&self, schema: &Map<String, Value>, place: &str) -> Vec<String> {
        let mut next = Vec::new();
        for (keyword, argument) in schema {
            let inner = format!("{place}/{keyword}");
            match (keyword.as_str(), argument) {
                ("$ref" | "$dynamicRef", Value::String(reference)) => {
                    next.extend(self.references.get(reference).cloned());
                }
                ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                    next.extend((0..branches.len()).map(|index| format!("{inner}/{index}")));
                }
                ("not" | "if" | "then" | "else", _) => next.push(inner),
                ("dependentSchemas", Value::Object(members)) => {
                    let names = members.keys();
                    next.extend(names.map(|name| format!("{inner}/{}", escaped(name))));
                }
                _ => {}
            }
        }
        next
    }
}
