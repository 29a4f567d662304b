//! JSON without what two readers could read differently: no member given twice, at any depth, no
//! byte order mark, nothing but UTF-8; bounded in depth (by serde_json: 128) and in width.

use std::{collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::{
    Error,
    document::{Document, Node, Text},
};

/// The most values in one body: each costs more memory than the two bytes that it may take in the
/// text (threat K3).
const VALUES: usize = 100_000;

/// As many names of one object are compared with each other; more than these are put in order.
const COMPARED_NAMES: usize = 16;

/// A usual message has fewer values and names.
const USUAL_NODES: usize = 40;

/// What is wrong besides the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Twice,
    TooMany,
}

/// Reads a body.
pub(super) fn parse(body: &[u8]) -> Result<Document, Error> {
    // Looked at once and whole, it need not be looked at again string by string.
    let not_json = || Error::new(Error::PARSE, "This is not JSON.");
    let text = std::str::from_utf8(body).map_err(|_| not_json())?;
    let mut reader = Reader {
        text,
        document: Document {
            text: text.into(),
            unescaped: String::new(),
            nodes: Vec::with_capacity(USUAL_NODES),
        },
        left: VALUES,
        fault: None,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Strict(&mut reader).deserialize(&mut json);
    match (read.and_then(|()| json.end()), reader.fault) {
        (Ok(()), _) => Ok(reader.document),
        (Err(_), Some(Fault::Twice)) => {
            Err(Error::invalid_request("A member was given more than once."))
        }
        (Err(_), Some(Fault::TooMany)) => {
            Err(Error::invalid_request("The message has too many values."))
        }
        (Err(_), None) => Err(not_json()),
    }
}

struct Reader<'t> {
    text: &'t str,
    document: Document,
    left: usize,
    fault: Option<Fault>,
}

impl Reader<'_> {
    fn fail<E: serde::de::Error>(&mut self, fault: Fault) -> E {
        self.fault = Some(fault);
        E::custom("refused")
    }

    /// A text that stands in the body as it is.
    fn plain(&mut self, value: &str) {
        let start = value.as_ptr().addr() - self.text.as_ptr().addr();
        let text = Text::Plain(number(start), number(value.len()));
        self.push(Node::Text(text));
    }

    /// A text that was written with escapes.
    fn unescaped(&mut self, value: &str) {
        let unescaped = &mut self.document.unescaped;
        let start = number(unescaped.len());
        unescaped.push_str(value);
        let text = Text::Unescaped(start, number(value.len()));
        self.push(Node::Text(text));
    }

    fn push(&mut self, node: Node) {
        self.document.nodes.push(node);
    }

    /// Where the next node will stand.
    fn next(&self) -> usize {
        self.document.nodes.len()
    }

    /// Says how long the array or object is that began there.
    fn close(&mut self, began: usize, node: fn(u32) -> Node) {
        let within = number(self.next() - began - 1);
        if let Some(began) = self.document.nodes.get_mut(began) {
            *began = node(within);
        }
    }
}

/// A length as it is kept: a body is far shorter than 4 GiB.
fn number(length: usize) -> u32 {
    u32::try_from(length).expect("a body is bounded by crate::limits")
}

struct Strict<'a, 't>(&'a mut Reader<'t>);

impl<'de> DeserializeSeed<'de> for Strict<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0.left.checked_sub(1) {
            Some(left) => self.0.left = left,
            None => return Err(self.0.fail(Fault::TooMany)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push(Node::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.push(Node::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.push(Node::Number(value.into()));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.push(Node::Number(value.into()));
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a number of JSON"))?;
        self.0.push(Node::Number(number));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.0.plain(value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.unescaped(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let began = self.0.next();
        self.0.push(Node::Array(0));
        while elements.next_element_seed(Strict(self.0))?.is_some() {}
        self.0.close(began, Node::Array);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let began = self.0.next();
        self.0.push(Node::Object(0));
        let mut names = Names::default();
        loop {
            // Closed before each name, so that the members so far can be looked at.
            self.0.close(began, Node::Object);
            let name = self.0.next();
            if members.next_key_seed(Name(self.0))?.is_none() {
                return Ok(());
            }
            if !names.is_new(&self.0.document, began, name) {
                return Err(self.0.fail(Fault::Twice));
            }
            members.next_value_seed(Strict(self.0))?;
        }
    }
}

/// The name of a member.
struct Name<'a, 't>(&'a mut Reader<'t>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(Strict(self.0))
    }
}

/// The names of an object.
#[derive(Default)]
struct Names {
    count: usize,
    /// All of them, once there are many.
    many: Option<BTreeSet<String>>,
}

impl Names {
    /// Whether the object that began there has no member of this name so far.
    fn is_new(&mut self, document: &Document, began: usize, name: usize) -> bool {
        let (object, name) = (document.at(began), document.at(name));
        let name = name.as_str().unwrap_or_default();
        self.count += 1;
        if self.count <= COMPARED_NAMES {
            return object.member(name).is_none();
        }
        let names = object.members().into_iter().flatten();
        let many = self
            .many
            .get_or_insert_with(|| names.map(|(name, _)| name.to_owned()).collect());
        many.insert(name.to_owned())
    }
}
