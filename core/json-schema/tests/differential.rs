//! Made-up schemas and values, judged by this crate and by `jsonschema`, which are to agree.

use entra_mcp_json_schema::Schema;
use serde_json::{Map, Value, json};

const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Some are twice here, to be chosen more often.
const KEYWORDS: [&str; 41] = [
    "type",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "prefixItems",
    "items",
    "contains",
    "properties",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "items",
    "anyOf",
    "properties",
];

/// Choices from a seed (xorshift).
struct Choices(u64);

impl Choices {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        let mut places = 0..u64::try_from(choices.len()).unwrap_or(1);
        let place = self.below(places.end);
        let chosen = choices
            .iter()
            .find(|_| places.next().is_some_and(|next| next == place));
        chosen.expect("a choice").clone()
    }

    fn value(&mut self, depth: u64) -> Value {
        let scalars = [
            json!(null),
            json!(true),
            json!(0),
            json!(1),
            json!(1.0),
            json!(-3),
            json!(2.5),
            json!(1e300),
            json!(""),
            json!("a"),
            json!("abc"),
            json!("äöü"),
        ];
        match self.below(if depth == 0 { 2 } else { 5 }) {
            0 | 1 => self.of(&scalars),
            2 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => self.members(|choices| choices.value(depth - 1)).into(),
        }
    }

    fn members(&mut self, mut make: impl FnMut(&mut Self) -> Value) -> Map<String, Value> {
        (0..self.below(4))
            .map(|_| (self.of(&["a", "b", "c", "x/y~z"]).to_owned(), make(self)))
            .collect()
    }

    fn schemas(&mut self, depth: u64) -> Value {
        (0..=self.below(3)).map(|_| self.schema(depth)).collect()
    }

    fn schema(&mut self, depth: u64) -> Value {
        if depth == 0 {
            let leaves = [
                json!(true),
                json!(false),
                json!({}),
                json!({"type": "number"}),
                json!({"type": ["string", "null"]}),
                json!({"$ref": "#/$defs/one"}),
                json!({"$ref": "#other"}),
            ];
            return self.of(&leaves);
        }
        let mut schema = Map::new();
        for _ in 0..=self.below(4) {
            let (keyword, argument) = self.keyword(depth - 1);
            schema.insert(keyword.to_owned(), argument);
        }
        schema.into()
    }

    fn keyword(&mut self, depth: u64) -> (&'static str, Value) {
        let names = || json!(["a", "c"]);
        let keyword = self.of(&KEYWORDS);
        let argument = match keyword {
            "type" => self.of(&TYPES).into(),
            "enum" => (0..=self.below(3)).map(|_| self.value(1)).collect(),
            "const" => self.value(1),
            "multipleOf" => self.of(&[json!(1), json!(0.5), json!(2)]),
            "maximum" | "exclusiveMaximum" | "minimum" | "exclusiveMinimum" => {
                self.of(&[json!(0), json!(1), json!(2.5), json!(-3)])
            }
            "pattern" => self.of(&["a", "^a", "b$", "^[a-c]+$", "\\d"]).into(),
            "uniqueItems" => self.of(&[true, false]).into(),
            "required" => names(),
            "dependentRequired" => self.members(|_| names()).into(),
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => self.schemas(depth),
            "properties" | "dependentSchemas" => {
                self.members(|choices| choices.schema(depth)).into()
            }
            "patternProperties" => {
                let pattern = self.of(&["a", "^b$", "."]);
                json!({pattern: self.schema(depth)})
            }
            counted if counted.starts_with("max") || counted.starts_with("min") => {
                self.below(4).into()
            }
            _ => self.schema(depth),
        };
        (keyword, argument)
    }
}

#[test]
fn verdicts_are_those_of_another_validator() {
    let (mut fitting, mut others) = (0, 0);
    for seed in 1..=1_500 {
        let mut choices = Choices(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let mut schema = choices.schema(3);
        if let Some(keywords) = schema.as_object_mut() {
            let other = json!({"$anchor": "other", "properties": {"a": {"$ref": "#/$defs/one"}}});
            keywords.insert(
                "$defs".to_owned(),
                json!({"one": choices.value(0).is_number(), "x": other}),
            );
        } else {
            continue;
        }
        let ours = Schema::new(schema.clone()).unwrap_or_else(|error| panic!("{schema}: {error}"));
        let theirs = jsonschema::draft202012::new(&schema).unwrap();
        for _ in 0..20 {
            let value = choices.value(3);
            let fits = theirs.is_valid(&value);
            let errors = ours.errors(&value);
            assert_eq!(errors.is_empty(), fits, "{schema}\n{value}\n{errors:?}");
            match fits {
                true => fitting += 1,
                false => others += 1,
            }
        }
    }
    assert!(fitting > 5_000 && others > 5_000, "{fitting} and {others}");
}
