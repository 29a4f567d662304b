//! JSON of which a few members are looked at, and everything else stays the bytes that it is.
//!
//! The text is checked whole, once: its grammar by `serde_json`, its depth here. What is looked for in it later is found by its brackets
//! and quotes, and not parsed again: an answer may have megabytes. Names that are given twice are refused in
//! those objects that are looked into, for whoever reads the message next may take the other one.

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeSet, ops::Range};

use memchr::memchr2;
use serde::de::IgnoredAny;

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonFault {
    /// It is not JSON, or not an object or array where one has to be.
    NotJson,
    /// A member was given twice.
    Twice,
    /// Too many arrays and objects are within each other.
    TooDeep,
    /// An object that is looked into has too many members.
    TooManyMembers,
}

/// How deep arrays and objects may be within each other: what `serde_json` and most other readers take.
const DEPTH: usize = 127;

/// The most members of an object that is looked into.
const MEMBERS: usize = 10_000;

/// Up to how many are few.
const FEW_MEMBERS: usize = 12;

/// Checks that arrays and objects are not too deep within each other. The grammar is checked elsewhere.
pub(super) fn check_depth(text: &str) -> Result<(), JsonFault> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = end_of_string(bytes, at),
            _ => {}
        }
        if depth > DEPTH {
            return Err(JsonFault::TooDeep);
        }
    }
    Ok(())
}

/// Where the string ends within which this place is.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        let is_end = bytes.get(at + found) == Some(&b'"');
        at += found + if is_end { 1 } else { 2 };
        if is_end {
            return at;
        }
    }
    bytes.len()
}

/// A text without the white space around it.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// Where white space ends that begins there.
fn skip_space(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    at + rest.iter().take_while(|byte| is_space(byte)).count()
}

/// Where the value stands that begins there, after white space.
type ValueAt = fn(&str, usize) -> Result<Range<usize>, JsonFault>;

/// The same, of a text whose grammar was checked before.
fn value_at(text: &str, at: usize) -> Result<Range<usize>, JsonFault> {
    let start = skip_space(text, at);
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, start);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1).ok_or(JsonFault::NotJson)?,
            b'"' => at = end_of_string(bytes, at),
            _ if depth == 0 => {
                at += bytes
                    .iter()
                    .skip(at)
                    .take_while(|byte| is_plain(byte))
                    .count()
            }
            _ => {}
        }
        if depth == 0 {
            return Ok(start..at);
        }
    }
    Err(JsonFault::NotJson)
}

/// Whether a number or a word goes on with this.
fn is_plain(byte: &u8) -> bool {
    !matches!(
        byte,
        b',' | b':' | b'"' | b'[' | b']' | b'{' | b'}' | b' ' | b'\t' | b'\n' | b'\r'
    )
}

/// The same, and its grammar is checked.
fn checked_value_at(text: &str, at: usize) -> Result<Range<usize>, JsonFault> {
    let start = skip_space(text, at);
    let rest = text.get(start..).ok_or(JsonFault::NotJson)?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(IgnoredAny)) => {
            let value = start..start + values.byte_offset();
            #[cfg(test)]
            testing::parsed(value.len());
            Ok(value)
        }
        Some(Err(_)) | None => Err(JsonFault::NotJson),
    }
}

/// The one value that a text is whose grammar was checked before.
pub(super) fn whole(text: &str) -> Result<Range<usize>, JsonFault> {
    let value = value_at(text, 0)?;
    match skip_space(text, value.end) == text.len() {
        true => Ok(value),
        false => Err(JsonFault::NotJson),
    }
}

/// A member of an object.
#[derive(Clone, Debug)]
struct Member<'a> {
    name: Cow<'a, str>,
    /// Where its name stands, with the quotes.
    name_at: Range<usize>,
    value: Range<usize>,
}

/// Where the members of an object stand, each by its name and its value, for whoever keeps the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Vec<(Range<usize>, Range<usize>)>);

impl Places {
    /// Where the value of a member stands in the text, which is the one that was read.
    pub(super) fn get(&self, text: &str, name: &str) -> Option<Range<usize>> {
        let is_it =
            |at: &Range<usize>| text.get(at.clone()).and_then(string).as_deref() == Some(name);
        let member = self.0.iter().find(|(name_at, _)| is_it(name_at));
        member.map(|(_, value)| value.clone())
    }
}

/// The members of an object, by where they stand in the text.
#[derive(Clone, Debug)]
pub(super) struct Members<'a> {
    members: Vec<Member<'a>>,
    /// Where the object ends.
    end: usize,
}

impl<'a> Members<'a> {
    /// Those of the object that stands there, in a text whose grammar was checked before.
    pub(super) fn of(text: &'a str, object: Range<usize>) -> Result<Self, JsonFault> {
        Self::read(text, object, value_at)
    }

    fn read(text: &'a str, object: Range<usize>, value_at: ValueAt) -> Result<Self, JsonFault> {
        let mut members: Vec<Member<'_>> = Vec::new();
        let mut names = BTreeSet::new();
        let is_new =
            |members: &[Member<'a>], name: &str| members.iter().all(|one| one.name != name);
        let end = read(text, object, (b'{', b'}'), |at| {
            let name = value_at(text, at)?;
            let written = text.get(name.clone()).ok_or(JsonFault::NotJson)?;
            let colon = skip_space(text, name.end);
            if text.as_bytes().get(colon) != Some(&b':') {
                return Err(JsonFault::NotJson);
            }
            let value = value_at(text, colon + 1)?;
            let end = value.end;
            if members.len() >= MEMBERS {
                return Err(JsonFault::TooManyMembers);
            }
            let name_at = name;
            let name = string(written).ok_or(JsonFault::NotJson)?;
            // Few are sooner compared with each other than sorted.
            match members.len() < FEW_MEMBERS {
                true if is_new(&members, &name) => {}
                true => return Err(JsonFault::Twice),
                false => {
                    if names.is_empty() {
                        names.extend(members.iter().map(|one| one.name.clone()));
                    }
                    if !names.insert(name.clone()) {
                        return Err(JsonFault::Twice);
                    }
                }
            }
            members.push(Member {
                name,
                name_at,
                value,
            });
            Ok(end)
        })?;
        Ok(Self { members, end })
    }

    /// Those of the object that a text is, and nothing besides: its grammar is checked by that.
    pub(super) fn of_whole(text: &'a str) -> Result<Self, JsonFault> {
        let members = Self::read(text, 0..text.len(), checked_value_at)?;
        match members.end == text.len() {
            true => Ok(members),
            false => Err(JsonFault::NotJson),
        }
    }

    /// Where the value of a member stands.
    pub(super) fn get(&self, name: &str) -> Option<Range<usize>> {
        let member = self.members.iter().find(|member| member.name == name);
        member.map(|member| member.value.clone())
    }

    /// The same without the text.
    pub(super) fn places(self) -> Places {
        let members = self.members.into_iter();
        Places(
            members
                .map(|member| (member.name_at, member.value))
                .collect(),
        )
    }

    /// The names of all members.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| &*member.name)
    }

    /// What is to be cut out so that these members are not there.
    pub(super) fn cut(&self, names: &[&str]) -> Vec<Range<usize>> {
        let is_kept = |member: &Member<'_>| !names.contains(&&*member.name);
        let first = self.members.iter().position(is_kept);
        let (Some(begin), Some(last)) = (self.members.first(), self.members.last()) else {
            return Vec::new();
        };
        let Some(kept) = first.and_then(|first| self.members.get(first)) else {
            return std::iter::once(begin.name_at.start..last.value.end).collect();
        };
        let (begin, kept) = (begin.name_at.start, kept.name_at.start);
        let before = (begin < kept).then_some(begin..kept);
        let pairs = self.members.iter().zip(self.members.iter().skip(1));
        let after = pairs
            .filter(|(_, member)| member.name_at.start > kept && !is_kept(member))
            .map(|(before, member)| before.value.end..member.value.end);
        before.into_iter().chain(after).collect()
    }
}

/// Where the elements of an array stand, in a text whose grammar was checked before.
pub(super) fn elements(text: &str, array: Range<usize>) -> Result<Vec<Range<usize>>, JsonFault> {
    let mut elements = Vec::new();
    read(text, array, (b'[', b']'), |at| {
        let value = value_at(text, at)?;
        let end = value.end;
        elements.push(value);
        Ok(end)
    })?;
    Ok(elements)
}

/// Where the elements stand of the array that a text is, and nothing besides. Their grammar is left to who reads them.
pub(super) fn elements_of_whole(text: &str) -> Result<Vec<Range<usize>>, JsonFault> {
    elements(text, whole(text)?)
}

/// Reads what stands within brackets, separated by commas, and says where that ends. Each is read by `one`, which says where it ends.
fn read(
    text: &str,
    within: Range<usize>,
    (open, close): (u8, u8),
    mut one: impl FnMut(usize) -> Result<usize, JsonFault>,
) -> Result<usize, JsonFault> {
    let bytes = text.as_bytes();
    if bytes.get(within.start) != Some(&open) {
        return Err(JsonFault::NotJson);
    }
    let mut at = skip_space(text, within.start + 1);
    if bytes.get(at) == Some(&close) {
        return Ok(at + 1);
    }
    while at < within.end {
        at = skip_space(text, one(at)?);
        match bytes.get(at) {
            Some(b',') => at += 1,
            Some(byte) if *byte == close => return Ok(at + 1),
            _ => return Err(JsonFault::NotJson),
        }
    }
    Err(JsonFault::NotJson)
}

/// The text that a string is, as it is written.
pub(crate) fn string(written: &str) -> Option<Cow<'_, str>> {
    let within = written.strip_prefix('"')?.strip_suffix('"')?;
    match within.contains('\\') {
        true => serde_json::from_str(written).ok().map(Cow::Owned),
        false => Some(Cow::Borrowed(within)),
    }
}

/// A name as readers see it that take small letters and capitals for the same, such as that of Go: by Unicode, there are three of `k` and
/// of `s`.
pub(super) fn folded(name: &str) -> String {
    let fold = |letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}

/// A text in which the object that stands there has this member, in the place of the one of that name or before all others.
pub(super) fn set(
    text: &str,
    object: Range<usize>,
    name: &str,
    value: &str,
) -> Result<String, JsonFault> {
    let members = Members::of(text, object.clone())?;
    if let Some(at) = members.get(name) {
        return Ok(splice(text, vec![(at, value)]));
    }
    let name = serde_json::to_string(name).map_err(|_| JsonFault::NotJson)?;
    let comma = match members.names().next() {
        Some(_) => ",",
        None => "",
    };
    let at = object.start + 1;
    Ok(splice(
        text,
        vec![(at..at, &format!("{name}:{value}{comma}"))],
    ))
}

/// A text with other pieces in these places, which do not overlap.
pub(super) fn splice(text: &str, mut pieces: Vec<(Range<usize>, &str)>) -> String {
    pieces.sort_by_key(|(at, _)| at.start);
    let longer: usize = pieces.iter().map(|(_, piece)| piece.len()).sum();
    let mut spliced = String::with_capacity(text.len() + longer);
    let mut from = 0;
    for (at, piece) in pieces {
        spliced.push_str(text.get(from..at.start).unwrap_or_default());
        spliced.push_str(piece);
        from = at.end;
    }
    spliced.push_str(text.get(from..).unwrap_or_default());
    spliced
}
