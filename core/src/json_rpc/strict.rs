//! JSON without what two readers could read differently: no member given twice, at any depth, no
//! byte order mark, nothing but UTF-8; bounded in depth (by serde_json: 128) and in width.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, map::Entry};

use super::Error;

/// The most values in one body: each costs more memory than the two bytes that it may take in the
/// text (threat K3).
const VALUES: usize = 100_000;

/// What is wrong besides the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Twice,
    TooMany,
}

/// Reads a body.
pub(super) fn parse(body: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader {
        left: VALUES,
        fault: None,
    };
    // Looked at once and whole, it need not be looked at again string by string.
    let not_json = || Error::new(Error::PARSE, "This is not JSON.");
    let body = std::str::from_utf8(body).map_err(|_| not_json())?;
    let mut json = serde_json::Deserializer::from_str(body);
    let value = Strict(&mut reader).deserialize(&mut json);
    match (
        value.and_then(|value| json.end().map(|()| value)),
        reader.fault,
    ) {
        (Ok(value), _) => Ok(value),
        (Err(_), Some(Fault::Twice)) => {
            Err(Error::invalid_request("A member was given more than once."))
        }
        (Err(_), Some(Fault::TooMany)) => {
            Err(Error::invalid_request("The message has too many values."))
        }
        (Err(_), None) => Err(not_json()),
    }
}

struct Reader {
    left: usize,
    fault: Option<Fault>,
}

struct Strict<'a>(&'a mut Reader);

impl Strict<'_> {
    fn fail<E: serde::de::Error>(&mut self, fault: Fault) -> E {
        self.0.fault = Some(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Value, D::Error> {
        match self.0.left.checked_sub(1) {
            Some(left) => self.0.left = left,
            None => return Err(self.fail(Fault::TooMany)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a number of JSON"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = elements.next_element_seed(Strict(self.0))? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Entry::Vacant(member) = object.entry(name) else {
                return Err(self.fail(Fault::Twice));
            };
            member.insert(members.next_value_seed(Strict(self.0))?);
        }
        Ok(Value::Object(object))
    }
}
