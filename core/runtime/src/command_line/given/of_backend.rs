//! What was given for each of several backends: `NAME=VALUE` is for the one of this name, and `VALUE` for all of them.

use std::collections::BTreeMap;

use entra_mcp_core::config::BackendName;

use super::{
    BACKEND, BACKEND_COMMAND, BACKEND_ENV, Given, Setting,
    gateway::{OF_ADDRESS, OF_BACKEND, OF_COMMAND},
};
use crate::command_line::is_gap;

/// What the address of a backend begins with that is a command.
pub(in crate::command_line) const STDIO: &str = "stdio:";

/// Backends that were given names, in their order, each with its address; a name that is none is `None`.
pub(in crate::command_line) type Named = Vec<(Option<BackendName>, String)>;

/// What stands before `=`, if it may be meant as a name: an address has `:` or `/` before it.
fn name_of(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    (!name.contains([':', '/', ' '])).then_some((name.trim(), value.trim()))
}

impl Given {
    /// The backends, if one of them was given a name; `Err` if others were not.
    pub(in crate::command_line) fn named_backends(&self) -> Option<Result<Named, ()>> {
        let texts = self.values(&BACKEND);
        // In a variable several stand one after the other.
        let texts: Vec<&str> = match self.has(&BACKEND) {
            true => texts,
            false => {
                let parts = texts.iter().flat_map(|text| text.split([';', '\n']));
                parts
                    .map(str::trim)
                    .filter(|text| !text.is_empty())
                    .collect()
            }
        };
        let named: Vec<_> = texts.iter().filter_map(|text| name_of(text)).collect();
        if named.is_empty() {
            return (texts.len() > 1).then_some(Err(()));
        }
        if named.len() < texts.len()
            || self.command.is_some()
            || self.value(&BACKEND_COMMAND).is_some()
        {
            return Some(Err(()));
        }
        let named = named.into_iter();
        let named = named.map(|(name, value)| (BackendName::parse(name), value.to_owned()));
        Some(Ok(named.collect()))
    }

    /// What was given for one of these backends. Of what is for all of them it has what fits it.
    pub(in crate::command_line) fn of_backend(&self, named: &Named, number: usize) -> Self {
        let mut own = Self {
            flags: BTreeMap::new(),
            variables: self.variables.clone(),
            ..Self::default()
        };
        let Some((Some(name), address)) = named.get(number) else {
            return own;
        };
        let is_command = address.starts_with(STDIO);
        for setting in [&BACKEND, &BACKEND_COMMAND] {
            own.variables.remove(setting.variable);
        }
        match address.strip_prefix(STDIO) {
            Some(words) => own.set(&BACKEND_COMMAND, vec![words.trim().to_owned()]),
            None => own.set(&BACKEND, vec![address.clone()]),
        }
        for setting in per_backend() {
            let (theirs, of_all) = self.given_for(setting, named, name);
            let fits = match is_command {
                true => !OF_ADDRESS.iter().any(|one| is_same(one, setting)),
                false => !OF_COMMAND.iter().any(|one| is_same(one, setting)),
            };
            let values = match theirs.is_empty() && fits {
                true => of_all,
                false => theirs,
            };
            // A variable has all of them in one text.
            let values = match is_same(setting, &BACKEND_ENV) && !self.has(setting) {
                true => {
                    let parts = values.iter().flat_map(|text| text.split(is_gap));
                    let parts = parts.filter(|text| !text.is_empty());
                    parts.map(str::to_owned).collect()
                }
                false => values,
            };
            own.set(setting, values);
        }
        own
    }

    /// Whether something was given for all backends.
    pub(in crate::command_line) fn is_for_all(&self, setting: &Setting, named: &Named) -> bool {
        let values = self.pieces(setting, named);
        values.iter().any(|value| for_whom(value, named).is_none())
    }

    /// The values for the backend of this name, and those for all.
    fn given_for(
        &self,
        setting: &Setting,
        named: &Named,
        name: &BackendName,
    ) -> (Vec<String>, Vec<String>) {
        let (mut theirs, mut of_all) = (Vec::new(), Vec::new());
        for value in self.pieces(setting, named) {
            match for_whom(&value, named) {
                Some((whose, value)) if whose == name.as_str() => theirs.push(value.to_owned()),
                Some(_) => {}
                None => of_all.push(value),
            }
        }
        (theirs, of_all)
    }

    /// The values of a setting. In a variable several stand one after the other, each with the name of its backend.
    fn pieces(&self, setting: &Setting, named: &Named) -> Vec<String> {
        let values = self.values(setting);
        if self.has(setting) {
            return values.into_iter().map(str::to_owned).collect();
        }
        let mut pieces: Vec<String> = Vec::new();
        for part in values.iter().flat_map(|text| text.split([';', '\n'])) {
            match pieces.last_mut() {
                Some(last) if for_whom(part.trim(), named).is_none() => {
                    last.push(';');
                    last.push_str(part);
                }
                _ => pieces.push(part.trim().to_owned()),
            }
        }
        pieces
    }

    fn set(&mut self, setting: &Setting, values: Vec<String>) {
        // What was given to all is not looked for there.
        self.variables.remove(setting.variable);
        let Some(last) = values.last() else {
            return;
        };
        match setting.flag {
            "" => {
                self.variables
                    .insert(setting.variable.to_owned(), last.clone());
            }
            flag => {
                self.flags.insert(flag, values);
            }
        }
    }
}

/// For which backend a value is, and the value.
fn for_whom<'a>(value: &'a str, named: &Named) -> Option<(&'a str, &'a str)> {
    let (name, value) = value.split_once('=')?;
    let mut names = named.iter().filter_map(|(name, _)| name.as_ref());
    let is_known = names.any(|known| known.as_str() == name.trim());
    is_known.then_some((name.trim(), value.trim()))
}

fn is_same(one: &Setting, other: &Setting) -> bool {
    one.variable == other.variable
}

/// What can be given for one backend alone.
pub(in crate::command_line) fn per_backend() -> impl Iterator<Item = &'static Setting> {
    OF_BACKEND.iter().chain(&OF_COMMAND).copied()
}
