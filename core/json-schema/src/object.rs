//! Keywords of objects (JSON Schema Core 2020-12 sections 10.2.2.4, 10.3.2 and 11.3, Validation section 6.5).

use serde_json::{Map, Value};

use crate::{
    error::Problem,
    evaluate::{Evaluated, Evaluation, list},
    value::Place,
};

/// What a keyword says of members, by their names.
fn members(argument: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    argument.and_then(Value::as_object).into_iter().flatten()
}

impl Evaluation<'_> {
    pub(crate) fn object(
        &mut self,
        keywords: &Map<String, Value>,
        object: &Map<String, Value>,
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        self.named_members(keywords, object, place, evaluated);
        for (keyword, argument) in keywords {
            match keyword.as_str() {
                "required" => self.required(argument, object, place),
                "dependentRequired" => {
                    for (_, names) in present(argument, object) {
                        self.required(names, object, place);
                    }
                }
                "dependentSchemas" => {
                    let value = Value::Object(object.clone());
                    for (_, schema) in present(argument, object) {
                        evaluated.add(self.check(schema, &value, place));
                    }
                }
                "propertyNames" => {
                    for name in object.keys() {
                        let name = Value::from(name.as_str());
                        self.check(argument, &name, place);
                    }
                }
                "maxProperties" | "minProperties" => {
                    self.bound(keyword, argument, object.len(), "members", place);
                }
                _ => {}
            }
        }
        // Last, for it asks what all others have looked at.
        if self.schema.tracks
            && let Some(schema) = keywords.get("unevaluatedProperties")
        {
            let rest = object
                .iter()
                .filter(|(name, _)| !evaluated.has_member(name));
            let rest: Vec<_> = rest.collect();
            self.other_members(schema, keywords, &rest, place, evaluated);
        }
    }

    /// What is said of members by their names, and of all others.
    fn named_members(
        &mut self,
        keywords: &Map<String, Value>,
        object: &Map<String, Value>,
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        let properties = keywords.get("properties").and_then(Value::as_object);
        let patterns = keywords.get("patternProperties");
        let others = keywords.get("additionalProperties");
        let mut rest = Vec::new();
        for (name, value) in object {
            let own = properties.and_then(|properties| properties.get(name));
            let mut is_named = own.is_some();
            if let Some(schema) = own {
                self.check(schema, value, &Place::Member(place, name));
            }
            for (pattern, schema) in members(patterns) {
                let pattern = self.schema.patterns.get(pattern);
                if pattern.is_some_and(|pattern| pattern.is_match(name)) {
                    is_named = true;
                    self.check(schema, value, &Place::Member(place, name));
                }
            }
            match is_named {
                true if self.schema.tracks => evaluated.add_member(name),
                true => {}
                false => rest.push((name, value)),
            }
        }
        if let Some(schema) = others {
            self.other_members(schema, keywords, &rest, place, evaluated);
        }
    }

    fn other_members(
        &mut self,
        schema: &Value,
        keywords: &Map<String, Value>,
        rest: &[(&String, &Value)],
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        if *schema == Value::Bool(false) {
            if !rest.is_empty() {
                let names = rest.iter().map(|(name, _)| (*name).clone()).collect();
                let known = members(keywords.get("properties"));
                let known = known.map(|(name, _)| name.clone()).collect();
                self.fail(place, Problem::Unknown { names, known });
            }
            return;
        }
        for (name, value) in rest {
            self.check(schema, value, &Place::Member(place, name));
            if self.schema.tracks {
                evaluated.add_member(name);
            }
        }
    }

    fn required(&mut self, names: &Value, object: &Map<String, Value>, place: &Place<'_>) {
        for name in list(names).iter().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                self.fail(place, Problem::Missing(name.to_owned()));
            }
        }
    }
}

/// What is said for members that are there.
fn present<'a>(
    argument: &'a Value,
    object: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    members(Some(argument)).filter(|(name, _)| object.contains_key(*name))
}
