//! What is wrong with the entries of the operator's list: all of it at once, each with what to write instead.

use std::{borrow::Cow, collections::BTreeMap};

use super::super::{AllowedBy, AllowedUsers};
use super::{
    ClientEntry, ListedRedirectUri, PreregisteredClient, PreregisteredClients, SHARED_REDIRECT,
    hash,
};
use crate::{limits, log_event::is_invisible, redirect_uri::RedirectUri};

/// What begins the ids that this server makes: those of registrations, and the short names of clients in tokens.
const OUR_OWN: [&str; 2] = ["dcr.", "h."];

/// What is wrong with an entry, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEntryError {
    /// The place of the entry in the list, from 1.
    pub position: usize,
    /// Its id as it is written; empty if it has none.
    pub id: String,
    /// The member that is wrong.
    pub member: &'static str,
    /// What is wrong with it, and what to write: two sentences, without a secret.
    pub problem: Cow<'static, str>,
}

impl std::fmt::Display for ClientEntryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            position,
            id,
            member,
            problem,
        } = self;
        write!(f, "client {position}")?;
        if !id.is_empty() {
            write!(f, " ({id:?})")?;
        }
        match *member {
            "" => write!(f, ": {problem}"),
            member => write!(f, ", {member}: {problem}"),
        }
    }
}

impl std::error::Error for ClientEntryError {}

/// What of one entry is wrong.
type Problems = Vec<(&'static str, Cow<'static, str>)>;

impl PreregisteredClients {
    /// Checks the entries against each other and against the scopes that are offered.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub(crate) fn new(
        entries: Vec<ClientEntry>,
        offered: &[&str],
    ) -> Result<Self, Vec<ClientEntryError>> {
        let mut errors = Vec::new();
        let mut clients: BTreeMap<[u8; 32], PreregisteredClient> = BTreeMap::new();
        for entry in entries {
            let (position, id) = (entry.position, entry.id.clone());
            let mut problems = problems_of(&entry, offered);
            let key = hash(id.as_bytes());
            if clients.contains_key(&key) {
                problems.push((
                    "id",
                    "Another entry has it already. Write one entry for each client.".into(),
                ));
            } else if clients.len() >= limits::PREREGISTERED_CLIENTS {
                let most = limits::PREREGISTERED_CLIENTS;
                problems.push((
                    "id",
                    format!("There are too many entries. Write {most} at most.").into(),
                ));
            }
            errors.extend(
                problems
                    .into_iter()
                    .map(|(member, problem)| ClientEntryError {
                        position,
                        id: id.clone(),
                        member,
                        problem,
                    }),
            );
            clients.entry(key).or_insert_with(|| checked(entry));
        }
        match errors.is_empty() {
            true => Ok(Self(clients)),
            false => Err(errors),
        }
    }
}

/// The client of an entry; what cannot be listed was reported.
fn checked(entry: ClientEntry) -> PreregisteredClient {
    let (allowed_users, _) = allowed_users(&entry);
    let uris = entry.redirect_uris.iter();
    PreregisteredClient {
        name: entry.name.unwrap_or_else(|| entry.id.clone()),
        id: entry.id,
        redirect_uris: uris.filter_map(|uri| listed(uri)).collect(),
        secrets: entry.secrets,
        scopes: entry.scopes,
        pkce_optional: entry.pkce_optional,
        allowed_users,
    }
}

fn listed(uri: &str) -> Option<ListedRedirectUri> {
    match uri.strip_suffix('*') {
        None => RedirectUri::parse(uri).map(ListedRedirectUri::Exactly),
        Some(start) => {
            let is_shared =
                start.starts_with(SHARED_REDIRECT) && RedirectUri::parse(start).is_some();
            is_shared.then(|| ListedRedirectUri::Below(start.to_owned()))
        }
    }
}

fn problems_of(entry: &ClientEntry, offered: &[&str]) -> Problems {
    let mut problems = Problems::new();
    let mut say = |member, problem: Option<Cow<'static, str>>| {
        problems.extend(problem.map(|problem| (member, problem)));
    };
    say("id", problem_of_id(&entry.id));
    say("name", entry.name.as_deref().and_then(problem_of_name));
    if entry.secrets.len() > limits::PREREGISTERED_SECRETS {
        let most = limits::PREREGISTERED_SECRETS;
        let text = format!(
            "There are more than {most} secrets. Write the new one and the one that it replaces."
        );
        say("secret_sha256", Some(text.into()));
    }
    for uri in &entry.redirect_uris {
        say("redirect_uris", problem_of_redirect_uri(uri, entry));
    }
    if entry.redirect_uris.len() > limits::PREREGISTERED_REDIRECT_URIS {
        let most = limits::PREREGISTERED_REDIRECT_URIS;
        say(
            "redirect_uris",
            Some(format!("There are too many. Write {most} at most.").into()),
        );
    }
    for scope in entry
        .scopes
        .iter()
        .filter(|scope| !offered.contains(&scope.as_str()))
    {
        let text = format!(
            "{scope:?} is not offered. Write some of: {}.",
            offered.join(", ")
        );
        say("scopes", Some(text.into()));
    }
    if entry.pkce_optional && entry.secrets.is_empty() {
        let text = "Only a client with a secret may leave PKCE out. Give it a secret, or take this line away.";
        say("pkce_optional", Some(text.into()));
    }
    for (member, problem) in allowed_users(entry).1 {
        say(member, Some(problem));
    }
    problems
}

fn problem_of_id(id: &str) -> Option<Cow<'static, str>> {
    // Nothing in it needs to be encoded in HTTP Basic, so that it does not matter who forgets to.
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    Some(match id {
        "" => {
            "It is missing. Write the id that is typed into the client, such as \"copilot-studio\"."
                .into()
        }
        id if id.contains("://") => {
            "A client whose id is a URL describes itself there. Write another id, or pin \
                                     that client with --pinned-client."
                .into()
        }
        id if OUR_OWN.iter().any(|start| id.starts_with(start)) => {
            "Ids that this server makes begin so. Write another.".into()
        }
        id if id.len() > limits::PREREGISTERED_ID_BYTES || !id.bytes().all(is_plain) => format!(
            "It is no such id. Write {} letters, digits, dots, hyphens and underscores at most.",
            limits::PREREGISTERED_ID_BYTES
        )
        .into(),
        _ => return None,
    })
}

fn problem_of_name(name: &str) -> Option<Cow<'static, str>> {
    let is_hidden = |character: char| character.is_control() || is_invisible(character);
    let is_good = !name.trim().is_empty()
        && name.chars().count() <= limits::CLIENT_NAME_CHARS
        && !name.contains(is_hidden);
    let most = limits::CLIENT_NAME_CHARS;
    (!is_good).then(|| {
        format!("Users cannot be shown that. Write {most} visible characters at most.").into()
    })
}

fn problem_of_redirect_uri(uri: &str, entry: &ClientEntry) -> Option<Cow<'static, str>> {
    match listed(uri) {
        Some(ListedRedirectUri::Exactly(_)) => None,
        Some(ListedRedirectUri::Below(_)) if !entry.secrets.is_empty() => None,
        Some(ListedRedirectUri::Below(_)) => {
            Some("A * needs a secret, for all tenants share that site. Give the client a secret, or write the whole URI.".into())
        }
        None if uri.contains('*') => {
            Some(format!("{uri:?} has a * where none may be. Write the whole URI, or {SHARED_REDIRECT}*.").into())
        }
        None => Some(
            format!(
                "{uri:?} cannot be returned to. Write https, http on localhost, 127.0.0.1 or [::1], or an app's \
                 scheme, without fragment and user."
            )
            .into(),
        ),
    }
}

/// Who may sign in, and what names nobody.
fn allowed_users(entry: &ClientEntry) -> (AllowedUsers, Problems) {
    let (mut allowed, mut problems) = (AllowedUsers::default(), Problems::new());
    for (member, by, texts) in [
        ("users", AllowedBy::User, &entry.users),
        ("groups", AllowedBy::Group, &entry.groups),
        ("roles", AllowedBy::Role, &entry.roles),
        ("domains", AllowedBy::Domain, &entry.domains),
    ] {
        for text in texts {
            if !allowed.add(by, text) {
                let problem = format!("{text:?} is no {}. {}", by.noun(), by.right());
                problems.push((member, problem.into()));
            }
        }
    }
    (allowed, problems)
}
