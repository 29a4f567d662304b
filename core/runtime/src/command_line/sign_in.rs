//! Who may sign in, and whom the others are to ask.

use std::collections::BTreeSet;

use entra_mcp_core::{
    config::{AllowedBy, AllowedUsers, GraphTools},
    limits,
    log_event::is_invisible,
};

use super::{
    error::{AdmissionError, ConfigError},
    given::{
        ALLOW_DOMAIN, ALLOW_GROUP, ALLOW_GUESTS, ALLOW_ROLE, ALLOW_USER, CONTACT, GRAPH, Given,
        Setting,
    },
    is_gap, is_on,
};

/// The settings, and what each names users by.
const NAMED_BY: [(&Setting, AllowedBy); 4] = [
    (&ALLOW_USER, AllowedBy::User),
    (&ALLOW_GROUP, AllowedBy::Group),
    (&ALLOW_ROLE, AllowedBy::Role),
    (&ALLOW_DOMAIN, AllowedBy::Domain),
];

/// Reads who may sign in, whom the others are to ask, and which tools of Graph there are for them.
pub(super) fn read(
    given: &Given,
    errors: &mut Vec<ConfigError>,
) -> (AllowedUsers, Option<String>, BTreeSet<GraphTools>) {
    (
        allowed_users(given, errors),
        contact(given, errors),
        graph_tools(given, errors),
    )
}

/// Reads the four lists. A setting that is given and names nobody is an error, for it would let everybody in.
fn allowed_users(given: &Given, errors: &mut Vec<ConfigError>) -> AllowedUsers {
    let mut allowed = AllowedUsers::default();
    for (setting, by) in NAMED_BY {
        let values = given.values(setting);
        for value in values {
            let mut texts = value
                .split(is_gap)
                .filter(|text| !text.is_empty())
                .peekable();
            let is_empty = texts.peek().is_none();
            if is_empty || !texts.all(|text| allowed.add(by, text)) {
                errors.push(ConfigError::Admission(AdmissionError::NoUser(by)));
            }
        }
    }
    if !is_on(given, &ALLOW_GUESTS, true, errors) {
        allowed.refuse_guests();
    }
    allowed
}

/// Whom users are to ask: it is shown on pages.
fn contact(given: &Given, errors: &mut Vec<ConfigError>) -> Option<String> {
    let text = given.value(&CONTACT)?;
    let is_hidden = |character: char| character.is_control() || is_invisible(character);
    if text.chars().count() > limits::CONTACT_CHARS || text.contains(is_hidden) {
        errors.push(ConfigError::Admission(AdmissionError::InvalidContact));
    }
    Some(text.to_owned())
}

/// The families of Graph's tools that are offered: none, unless they are named.
fn graph_tools(given: &Given, errors: &mut Vec<ConfigError>) -> BTreeSet<GraphTools> {
    let values = given.values(&GRAPH);
    let names = values.iter().flat_map(|value| value.split(is_gap));
    let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    let families: Option<BTreeSet<_>> = names.into_iter().map(GraphTools::parse).collect();
    families.unwrap_or_else(|| {
        errors.push(ConfigError::UnknownGraphTools);
        BTreeSet::new()
    })
}

/// The setting that names users by this.
pub(super) fn setting(by: AllowedBy) -> &'static Setting {
    match by {
        AllowedBy::User => &ALLOW_USER,
        AllowedBy::Group => &ALLOW_GROUP,
        AllowedBy::Role => &ALLOW_ROLE,
        AllowedBy::Domain => &ALLOW_DOMAIN,
    }
}
