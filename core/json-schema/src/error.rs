//! Why a value does not fit.

use serde_json::Value;

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// A JSON Pointer (RFC 6901) to the value that does not fit; empty for the whole.
    pub place: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// It is of none of these types.
    Type(Vec<String>),
    /// It is none of these values.
    Choice(Vec<Value>),
    /// It fits none of the branches, or of `oneOf` more than one, which has no errors then.
    Union(Vec<Vec<Error>>),
    /// A member is missing.
    Missing(String),
    /// It has members that are not allowed.
    Unknown {
        /// Their names.
        names: Vec<String>,
        /// The names of the members that are.
        known: Vec<String>,
    },
    /// Nothing fits.
    Never,
    /// It is out of a bound, as text: `expected …`.
    Expected(String),
}

impl std::fmt::Display for Problem {
    /// What would fit. The value itself is not repeated.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type(types) => write!(f, "expected {}", types_in_words(types)),
            Self::Choice(choices) => {
                let choices: Vec<_> = choices.iter().map(Value::to_string).collect();
                f.write_str(&one_of(&choices))
            }
            Self::Union(branches) => match branches.is_empty() {
                true => f.write_str("it fits more than one of the variants"),
                false => f.write_str("it fits none of the variants"),
            },
            Self::Missing(name) => write!(f, "the member {} is missing", quoted(name)),
            Self::Unknown { names, known } => {
                let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
                write!(f, "unknown member {}", names.join(","))?;
                let known: Vec<_> = known.iter().map(|name| quoted(name)).collect();
                match known.is_empty() {
                    true => Ok(()),
                    false => write!(f, ", {}", one_of(&known)),
                }
            }
            Self::Never => f.write_str("nothing is allowed here"),
            Self::Expected(words) => write!(f, "expected {words}"),
        }
    }
}

fn quoted(name: &str) -> String {
    Value::from(name).to_string()
}

fn one_of(choices: &[String]) -> String {
    match choices {
        [only] => format!("expected {only}"),
        several => format!("expected one of {}", several.join(", ")),
    }
}

fn types_in_words(types: &[String]) -> String {
    let words = types.iter().map(|name| match name.as_str() {
        "array" => "an array".to_owned(),
        "integer" => "an integer".to_owned(),
        "object" => "an object".to_owned(),
        "null" => "null".to_owned(),
        other => format!("a {other}"),
    });
    words.collect::<Vec<_>>().join(" or ")
}
