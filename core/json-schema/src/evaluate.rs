//! A value against a schema. Keywords stand in the order of JSON Schema Core 2020-12 section 10 and Validation
//! section 6; arrays and objects have files of their own.

use std::{cmp::Ordering, collections::BTreeSet};

use serde_json::{Map, Number, Value};

use crate::{
    document::Schema,
    error::{Error, Problem},
    number,
    value::{Place, equal},
};

/// So many errors are collected: who reads them fixes the first ones and comes back.
const MOST_ERRORS: usize = 32;

/// A value that is being checked.
pub(crate) struct Evaluation<'s> {
    pub(crate) schema: &'s Schema,
    pub(crate) errors: Vec<Error>,
}

/// What of a value some keyword has looked at, for those that ask (`unevaluatedProperties`,
/// `unevaluatedItems`). Nothing is noted if no keyword of the schema does, and nothing is then allocated or dropped.
#[derive(Default)]
pub(crate) struct Evaluated(Option<Box<Noted>>);

#[derive(Default)]
struct Noted {
    members: BTreeSet<String>,
    items: BTreeSet<usize>,
}

impl Evaluated {
    pub(crate) fn add(&mut self, other: Self) {
        let Some(other) = other.0 else {
            return;
        };
        let noted = self.0.get_or_insert_default();
        noted.members.extend(other.members);
        noted.items.extend(other.items);
    }

    pub(crate) fn add_member(&mut self, name: &str) {
        let noted = self.0.get_or_insert_default();
        noted.members.insert(name.to_owned());
    }

    pub(crate) fn has_member(&self, name: &str) -> bool {
        let noted = self.0.as_ref();
        noted.is_some_and(|noted| noted.members.contains(name))
    }

    pub(crate) fn add_item(&mut self, index: usize) {
        self.0.get_or_insert_default().items.insert(index);
    }

    pub(crate) fn has_item(&self, index: usize) -> bool {
        let noted = self.0.as_ref();
        noted.is_some_and(|noted| noted.items.contains(&index))
    }
}

impl<'s> Evaluation<'s> {
    pub(crate) fn new(schema: &'s Schema) -> Self {
        let errors = Vec::new();
        Self { schema, errors }
    }

    pub(crate) fn fail(&mut self, place: &Place<'_>, problem: Problem) {
        if self.errors.len() < MOST_ERRORS {
            let place = place.pointer();
            self.errors.push(Error { place, problem });
        }
    }

    pub(crate) fn expect(&mut self, place: &Place<'_>, words: String) {
        self.fail(place, Problem::Expected(words));
    }

    /// Whether a value fits, and what of it was looked at.
    pub(crate) fn fits(
        &self,
        schema: &Value,
        value: &Value,
        place: &Place<'_>,
    ) -> Result<Evaluated, Vec<Error>> {
        let mut inner = Evaluation::new(self.schema);
        let evaluated = inner.check(schema, value, place);
        match inner.errors.is_empty() {
            true => Ok(evaluated),
            false => Err(inner.errors),
        }
    }

    /// Checks a value, and collects what is wrong.
    pub(crate) fn check(&mut self, schema: &Value, value: &Value, place: &Place<'_>) -> Evaluated {
        let mut evaluated = Evaluated::default();
        if self.errors.len() >= MOST_ERRORS {
            return evaluated;
        }
        let keywords = match schema {
            Value::Bool(false) => {
                self.fail(place, Problem::Never);
                return evaluated;
            }
            Value::Object(keywords) => keywords,
            // `true`; there are no other schemas.
            _ => return evaluated,
        };
        for (keyword, argument) in keywords {
            self.in_place(keyword, argument, keywords, value, place, &mut evaluated);
            self.assertion(keyword, argument, value, place);
        }
        match value {
            Value::Object(members) => self.object(keywords, members, place, &mut evaluated),
            Value::Array(items) => self.array(keywords, items, place, &mut evaluated),
            _ => {}
        }
        evaluated
    }

    /// Keywords that apply schemas to the same value.
    fn in_place(
        &mut self,
        keyword: &str,
        argument: &Value,
        keywords: &Map<String, Value>,
        value: &Value,
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        match keyword {
            "$ref" | "$dynamicRef" => {
                let document = self.schema;
                let target = argument.as_str().and_then(|name| document.target(name));
                if let Some(target) = target {
                    evaluated.add(self.check(target, value, place));
                }
            }
            "allOf" => {
                for branch in list(argument) {
                    evaluated.add(self.check(branch, value, place));
                }
            }
            "anyOf" => self.any_of(list(argument), value, place, evaluated),
            "oneOf" => self.one_of(list(argument), value, place, evaluated),
            "not" if self.fits(argument, value, place).is_ok() => {
                self.expect(place, "something else".to_owned());
            }
            "if" => {
                let condition = self.fits(argument, value, place);
                let branch = match &condition {
                    Ok(_) => keywords.get("then"),
                    Err(_) => keywords.get("else"),
                };
                evaluated.add(condition.unwrap_or_default());
                if let Some(branch) = branch {
                    evaluated.add(self.check(branch, value, place));
                }
            }
            _ => {}
        }
    }

    fn any_of(
        &mut self,
        branches: &[Value],
        value: &Value,
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        let (mut has_fit, mut errors) = (false, Vec::new());
        for branch in branches {
            match self.fits(branch, value, place) {
                Ok(inner) => {
                    has_fit = true;
                    evaluated.add(inner);
                }
                Err(inner) => errors.push(inner),
            }
            if has_fit && !self.schema.tracks {
                return;
            }
        }
        if !has_fit {
            self.fail(place, Problem::Union(errors));
        }
    }

    fn one_of(
        &mut self,
        branches: &[Value],
        value: &Value,
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        let (mut fitting, mut errors) = (Vec::new(), Vec::new());
        for branch in branches {
            match self.fits(branch, value, place) {
                Ok(inner) => fitting.push(inner),
                Err(inner) => errors.push(inner),
            }
        }
        match (fitting.pop(), fitting.is_empty()) {
            (Some(only), true) => evaluated.add(only),
            (Some(_), false) => self.fail(place, Problem::Union(Vec::new())),
            (None, _) => self.fail(place, Problem::Union(errors)),
        }
    }

    /// Keywords that say something of a value of any type, of numbers and of strings.
    fn assertion(&mut self, keyword: &str, argument: &Value, value: &Value, place: &Place<'_>) {
        match (keyword, argument, value) {
            ("type", types, value) => {
                let types = match types {
                    Value::Array(types) => types.as_slice(),
                    one => std::slice::from_ref(one),
                };
                let mut names = types.iter().filter_map(Value::as_str);
                if !names.any(|name| is_of_type(value, name)) {
                    let names = types.iter().filter_map(Value::as_str).map(str::to_owned);
                    self.fail(place, Problem::Type(names.collect()));
                }
            }
            ("enum", Value::Array(choices), value)
                if !choices.iter().any(|choice| equal(choice, value)) =>
            {
                self.fail(place, Problem::Choice(choices.clone()));
            }
            ("const", only, value) if !equal(only, value) => {
                self.fail(place, Problem::Choice(vec![only.clone()]));
            }
            (_, Value::Number(bound), Value::Number(value)) => {
                self.number(keyword, bound, value, place);
            }
            (_, argument, Value::String(text)) => self.string(keyword, argument, text, place),
            _ => {}
        }
    }

    fn number(&mut self, keyword: &str, bound: &Number, value: &Number, place: &Place<'_>) {
        let order = || number::compare(value, bound);
        let (is_right, words) = match keyword {
            "multipleOf" => (number::is_multiple(value, bound), "a multiple of"),
            "maximum" => (order() != Some(Ordering::Greater), "at most"),
            "exclusiveMaximum" => (order() == Some(Ordering::Less), "less than"),
            "minimum" => (order() != Some(Ordering::Less), "at least"),
            "exclusiveMinimum" => (order() == Some(Ordering::Greater), "more than"),
            _ => return,
        };
        if !is_right {
            self.expect(place, format!("{words} {bound}"));
        }
    }

    fn string(&mut self, keyword: &str, argument: &Value, text: &str, place: &Place<'_>) {
        match keyword {
            "maxLength" | "minLength" => {
                self.bound(keyword, argument, text.chars().count(), "characters", place);
            }
            "pattern" => {
                let pattern = argument.as_str().unwrap_or_default();
                let compiled = self.schema.patterns.get(pattern);
                if compiled.is_some_and(|compiled| !compiled.is_match(text)) {
                    self.expect(place, format!("text that matches {argument}"));
                }
            }
            _ => {}
        }
    }

    /// A bound of a length, a number of items or of members.
    pub(crate) fn bound(
        &mut self,
        keyword: &str,
        argument: &Value,
        count: usize,
        of: &str,
        place: &Place<'_>,
    ) {
        let (Some(bound), count) = (argument.as_number(), Number::from(count)) else {
            return;
        };
        let (wrong, words) = match keyword.starts_with("max") {
            true => (Ordering::Greater, "at most"),
            false => (Ordering::Less, "at least"),
        };
        if number::compare(&count, bound) == Some(wrong) {
            self.expect(place, format!("{words} {bound} {of}"));
        }
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_number().is_some_and(number::is_integer),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

pub(crate) fn list(argument: &Value) -> &[Value] {
    argument.as_array().map_or(&[], Vec::as_slice)
}
