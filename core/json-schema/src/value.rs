//! Values: when two are the same, and where one is.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::number;

/// So few values are compared with each other one by one.
const FEW: usize = 8;

/// Whether two values are the same one. Numbers are compared by what they are worth.
pub(crate) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            number::compare(one, other) == Some(std::cmp::Ordering::Equal)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|other| equal(value, other))
            };
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

/// Whether no two values are the same one. Many are sorted first.
pub(crate) fn are_unique(values: &[Value]) -> bool {
    if values.len() <= FEW {
        let mut pairs = values.iter().enumerate();
        return pairs.all(|(place, value)| {
            let mut before = values.iter().take(place);
            !before.any(|other| equal(value, other))
        });
    }
    let mut seen = BTreeSet::new();
    let mut texts = values.iter().map(|value| normalized(value).to_string());
    texts.all(|text| seen.insert(text))
}

/// The same value, written in one way only.
fn normalized(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let integer = number::integer(number);
            integer.map_or_else(|| value.clone(), |integer| integer.to_string().into())
        }
        // So that the text of a number is no string's.
        Value::String(text) => format!("\"{text}").into(),
        Value::Array(values) => values.iter().map(normalized).collect(),
        Value::Object(members) => {
            // Sorted, whatever the order of a map is.
            let mut names: Vec<_> = members.keys().collect();
            names.sort_unstable();
            let member = |name: &String| {
                let value = members.get(name).map(normalized);
                Value::Array(vec![name.as_str().into(), value.unwrap_or_default()])
            };
            Value::Object(Map::from_iter([(
                String::new(),
                names.into_iter().map(member).collect(),
            )]))
        }
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// Where a value is in another: written out only if something is wrong with it.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The whole.
    Root,
    /// A member.
    Member(&'a Self, &'a str),
    /// An item.
    Item(&'a Self, usize),
}

impl Place<'_> {
    /// As a JSON Pointer (RFC 6901).
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    fn write(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Member(outer, name) => {
                outer.write(pointer);
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Self::Item(outer, index) => {
                outer.write(pointer);
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_are_found_among_few_and_many() {
        let others = |count: usize| (100..100 + count).map(Value::from);
        for (one, other, is_unique) in [
            (json!(1), json!(1.0), false),
            (
                json!({"a": 1, "b": [2]}),
                json!({"b": [2.0], "a": 1}),
                false,
            ),
            (json!(1), json!("1"), true),
            (json!([1]), json!(["1"]), true),
            (json!({"a": 1}), json!([["a", 1]]), true),
            (json!(0.5), json!(5e-1), false),
            (json!(null), json!(false), true),
        ] {
            for count in [0, 20] {
                let values: Vec<_> = others(count).chain([one.clone(), other.clone()]).collect();
                assert_eq!(are_unique(&values), is_unique, "{one} and {other}, {count}");
            }
        }
    }

    #[test]
    fn place_is_an_escaped_pointer() {
        let member = Place::Member(&Place::Root, "a/b~c");
        assert_eq!(Place::Item(&member, 3).pointer(), "/a~1b~0c/3");
    }
}
