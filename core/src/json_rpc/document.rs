//! JSON that was read: its text, and the values in it as one list, each of which knows where it stands in the text.
//!
//! A message is read at every request, and little of it is looked at. A tree of [`Value`]s costs an allocation for
//! every name, text and object; this costs two for the whole message.

use serde_json::{Map, Number, Value};

/// A piece of text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text {
    /// It stands in the document as it is: from where, and how many bytes.
    Plain(u32, u32),
    /// It was written with escapes, and stands among [`Document::unescaped`].
    Unescaped(u32, u32),
}

/// A value. What is within an array or an object follows it: values, or names and values in turn.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    /// How many nodes there are up to its end.
    Array(u32),
    /// The same.
    Object(u32),
}

/// JSON that was read, or is being read.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) text: Box<str>,
    pub(super) unescaped: String,
    pub(super) nodes: Vec<Node>,
}

impl Document {
    /// The whole of it.
    pub(super) fn root(&self) -> Json<'_> {
        self.at(0)
    }

    /// The value of this place.
    pub(super) fn at(&self, index: usize) -> Json<'_> {
        let document = self;
        Json { document, index }
    }

    /// The bytes of a text.
    fn bytes(&self, text: Text) -> Option<&[u8]> {
        let (of, start, length) = match text {
            Text::Plain(start, length) => (&*self.text, start, length),
            Text::Unescaped(start, length) => (self.unescaped.as_str(), start, length),
        };
        let (start, length) = (start as usize, length as usize);
        of.as_bytes().get(start..start + length)
    }
}

impl Node {
    /// How many nodes it is, with what is within it.
    fn count(&self) -> usize {
        match self {
            Self::Array(within) | Self::Object(within) => 1 + *within as usize,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => 1,
        }
    }
}

impl Text {
    fn len(self) -> usize {
        let (Self::Plain(_, length) | Self::Unescaped(_, length)) = self;
        length as usize
    }
}

/// A value in a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a> {
    document: &'a Document,
    /// Where it stands among the nodes.
    pub(super) index: usize,
}

impl<'a> Json<'a> {
    fn node(self) -> &'a Node {
        let node = self.document.nodes.get(self.index);
        node.unwrap_or(&Node::Null)
    }

    /// The value behind it.
    fn next(self) -> Self {
        self.document.at(self.index + self.node().count())
    }

    /// What is within it, one after the other.
    fn within(self) -> impl Iterator<Item = Self> {
        let end = self.next().index;
        let mut next = self.document.at(self.index + 1);
        std::iter::from_fn(move || {
            let one = (next.index < end).then_some(next)?;
            next = one.next();
            Some(one)
        })
    }

    /// The elements of an array.
    pub(crate) fn elements(self) -> Option<impl Iterator<Item = Self>> {
        matches!(self.node(), Node::Array(_)).then(|| self.within())
    }

    /// The members of an object.
    pub(crate) fn members(self) -> Option<impl Iterator<Item = (&'a str, Self)>> {
        let mut within = self.is_object().then(|| self.within())?;
        Some(std::iter::from_fn(move || {
            let name = within.next()?.as_str()?;
            Some((name, within.next()?))
        }))
    }

    /// A member of an object, be it `null`.
    pub(super) fn member(self, name: &str) -> Option<Self> {
        let Node::Object(within) = self.node() else {
            return None;
        };
        let end = self.index + 1 + *within as usize;
        let mut rest = self.document.nodes.get(self.index + 1..end)?;
        while let [Node::Text(text), value, ..] = rest {
            // Most have another length already.
            if text.len() == name.len() && self.document.bytes(*text) == Some(name.as_bytes()) {
                return Some(self.document.at(end - rest.len() + 1));
            }
            rest = rest.get(1 + value.count()..)?;
        }
        None
    }

    /// A member of an object. One that is `null` is as if left out.
    pub(crate) fn get(self, name: &str) -> Option<Self> {
        self.member(name).filter(|member| !member.is_null())
    }

    /// The text, if it is one.
    pub(crate) fn as_str(self) -> Option<&'a str> {
        let (of, start, length) = match self.node() {
            Node::Text(Text::Plain(start, length)) => (&*self.document.text, start, length),
            Node::Text(Text::Unescaped(start, length)) => {
                (self.document.unescaped.as_str(), start, length)
            }
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => {
                return None;
            }
        };
        let (start, length) = (*start as usize, *length as usize);
        of.get(start..start + length)
    }

    /// The number, if it is one.
    pub(crate) fn as_number(self) -> Option<&'a Number> {
        match self.node() {
            Node::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Whether it is `true`.
    pub(crate) fn is_true(self) -> bool {
        matches!(self.node(), Node::Bool(true))
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self.node(), Node::Null)
    }

    pub(crate) fn is_string(self) -> bool {
        matches!(self.node(), Node::Text(_))
    }

    pub(crate) fn is_object(self) -> bool {
        matches!(self.node(), Node::Object(_))
    }

    /// The object as a map, with all that is within, `null` too.
    pub(crate) fn to_map(self) -> Option<Map<String, Value>> {
        let mut map = Map::new();
        // Quicker than to put all of them in order first: they are few.
        for (name, value) in self.members()? {
            map.insert(name.to_owned(), value.to_value());
        }
        Some(map)
    }

    /// As a value of its own.
    pub(crate) fn to_value(self) -> Value {
        match self.node() {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(number) => Value::Number(number.clone()),
            Node::Text(_) => Value::String(self.as_str().unwrap_or_default().to_owned()),
            Node::Array(_) => self.within().map(Self::to_value).collect(),
            Node::Object(_) => Value::Object(self.to_map().unwrap_or_default()),
        }
    }
}
