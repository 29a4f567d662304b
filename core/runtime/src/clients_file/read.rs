//! What stands in the file: TOML, one table `[[client]]` for each client.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use entra_mcp_core::{
    config::{ClientEntry, ClientEntryError, SecretHash},
    limits,
    secret::Secret,
};
use toml::{Table, Value};

const MEMBERS: [&str; 12] = [
    "id",
    "name",
    "secret_sha256",
    "secret_env",
    "secret_file",
    "redirect_uris",
    "scopes",
    "pkce_optional",
    "users",
    "groups",
    "roles",
    "domains",
];

/// What was read, right or wrong.
#[derive(Debug, Default)]
pub(super) struct FileContents {
    /// The entries, as far as they could be read.
    pub(super) entries: Vec<ClientEntry>,
    /// The files of secrets that they name.
    pub(super) secret_files: Vec<PathBuf>,
    /// What is wrong with the file as a whole.
    pub(super) problems: Vec<Problem>,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Problem {
    /// With the file.
    File(String),
    /// With an entry.
    Entry(ClientEntryError),
}

impl FileContents {
    /// Reads a file, and the secrets that it names.
    pub(super) fn read(path: &Path, variables: &BTreeMap<String, String>) -> Self {
        let mut contents = Self::default();
        match read_text(path).and_then(|text| parse(&text)) {
            Ok(table) => contents.take(table, path, variables),
            Err(problem) => contents.problems.push(Problem::File(problem)),
        }
        contents
    }

    /// Adds what the core found wrong, but for members of which it is said already that they could not be read.
    pub(super) fn add(&mut self, errors: Vec<ClientEntryError>) {
        let is_known = |error: &ClientEntryError| {
            self.problems.iter().any(|problem| {
                matches!(problem, Problem::Entry(known)
                    if known.position == error.position && known.member == error.member)
            })
        };
        let new: Vec<_> = errors
            .into_iter()
            .filter(|error| !is_known(error))
            .collect();
        self.problems.extend(new.into_iter().map(Problem::Entry));
    }

    /// Everything that is wrong, in words, in the order of the entries.
    pub(super) fn texts(&self) -> Vec<String> {
        let position = |problem: &&Problem| match problem {
            Problem::File(_) => 0,
            Problem::Entry(error) => error.position,
        };
        let mut problems: Vec<&Problem> = self.problems.iter().collect();
        problems.sort_by_key(position);
        let text = |problem: &Problem| match problem {
            Problem::File(text) => text.clone(),
            Problem::Entry(error) => error.to_string(),
        };
        problems.into_iter().map(text).collect()
    }

    fn take(&mut self, table: Table, path: &Path, variables: &BTreeMap<String, String>) {
        for (name, value) in table {
            match value {
                Value::Array(clients) if name == "client" => {
                    for (index, client) in clients.into_iter().enumerate() {
                        self.take_entry(index + 1, client, path, variables);
                    }
                }
                _ => {
                    let text =
                        format!("{name:?} is not known here. Write [[client]] above each client.");
                    self.problems.push(Problem::File(text));
                }
            }
        }
    }

    fn take_entry(
        &mut self,
        position: usize,
        value: Value,
        path: &Path,
        variables: &BTreeMap<String, String>,
    ) {
        let Value::Table(table) = value else {
            let text = format!("client {position} is no table. Write [[client]] above it.");
            self.problems.push(Problem::File(text));
            return;
        };
        let mut reader = EntryReader {
            table,
            problems: Vec::new(),
        };
        let mut entry = ClientEntry {
            position,
            id: reader.text("id").unwrap_or_default(),
            name: reader.text("name"),
            secrets: reader.hashes(),
            redirect_uris: reader.texts("redirect_uris"),
            scopes: reader.texts("scopes"),
            pkce_optional: reader.boolean("pkce_optional"),
            users: reader.texts("users"),
            groups: reader.texts("groups"),
            roles: reader.texts("roles"),
            domains: reader.texts("domains"),
        };
        entry.secrets.extend(reader.variable(variables));
        if let Some(name) = reader.text("secret_file") {
            // Beside the file that names it, unless the whole path is written.
            let file = path.with_file_name(name);
            entry.secrets.extend(reader.secret_of_file(&file));
            self.secret_files.push(file);
        }
        reader.refuse_others();
        let id = entry.id.clone();
        let problems = reader.problems.into_iter().map(|(member, problem)| {
            Problem::Entry(ClientEntryError {
                position,
                id: id.clone(),
                member,
                problem: problem.into(),
            })
        });
        self.problems.extend(problems);
        self.entries.push(entry);
    }
}

/// Takes the members of an entry out of its table.
struct EntryReader {
    table: Table,
    problems: Vec<(&'static str, String)>,
}

impl EntryReader {
    fn refuse(&mut self, member: &'static str, problem: impl Into<String>) {
        self.problems.push((member, problem.into()));
    }

    fn text(&mut self, member: &'static str) -> Option<String> {
        match self.table.remove(member)? {
            Value::String(text) => Some(text),
            _ => {
                self.refuse(member, "It is no text. Write it in quotation marks.");
                None
            }
        }
    }

    fn texts(&mut self, member: &'static str) -> Vec<String> {
        let texts = self.table.remove(member).map(|value| match value {
            Value::Array(list) => list
                .into_iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        });
        texts.unwrap_or_else(|| Some(Vec::new())).unwrap_or_else(|| {
            self.refuse(
                member,
                "It is no list of texts. Write them in quotation marks, with commas between them, in brackets.",
            );
            Vec::new()
        })
    }

    fn boolean(&mut self, member: &'static str) -> bool {
        match self.table.remove(member) {
            None => false,
            Some(Value::Boolean(value)) => value,
            Some(_) => {
                self.refuse(
                    member,
                    "It is neither true nor false. Write one of them, without quotation marks.",
                );
                false
            }
        }
    }

    /// One hash, or the two that are good while a secret is replaced.
    fn hashes(&mut self) -> Vec<SecretHash> {
        const MEMBER: &str = "secret_sha256";
        let list = match self.table.remove(MEMBER) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(one) => vec![one],
        };
        let read = list
            .iter()
            .map(|hash| hash.as_str().and_then(SecretHash::parse));
        read.collect::<Option<Vec<_>>>().unwrap_or_else(|| {
            self.refuse(
                MEMBER,
                "It is not the hash of a secret. Write the 64 hexadecimal digits that sha256sum prints for it.",
            );
            Vec::new()
        })
    }

    fn variable(&mut self, variables: &BTreeMap<String, String>) -> Option<SecretHash> {
        const MEMBER: &str = "secret_env";
        let name = self.text(MEMBER)?;
        match variables.get(&name).map(|secret| secret.trim()) {
            None | Some("") => {
                self.refuse(
                    MEMBER,
                    format!("The variable {name:?} is not set. Set it to the secret."),
                );
                None
            }
            Some(secret) => self.secret(MEMBER, secret),
        }
    }

    fn secret_of_file(&mut self, path: &Path) -> Option<SecretHash> {
        const MEMBER: &str = "secret_file";
        match read_text(path) {
            Ok(text) => {
                let text = Secret::new(text);
                self.secret(MEMBER, text.expose().trim())
            }
            Err(problem) => {
                self.refuse(MEMBER, problem);
                None
            }
        }
    }

    /// A secret is random, or nobody could keep its hash in a file; and it needs no encoding in HTTP Basic, which some
    /// clients forget.
    fn secret(&mut self, member: &'static str, secret: &str) -> Option<SecretHash> {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
        let is_long = secret.len() >= limits::PREREGISTERED_SECRET_CHARS;
        if is_long && secret.bytes().all(is_plain) {
            return Some(SecretHash::of(&Secret::new(secret.to_owned())));
        }
        let least = limits::PREREGISTERED_SECRET_CHARS;
        self.refuse(
            member,
            format!(
                "It is no random secret of {least} letters and digits at least. Make one with `openssl rand -hex 32`."
            ),
        );
        None
    }

    fn refuse_others(&mut self) {
        let others: Vec<String> = self.table.keys().cloned().collect();
        for name in others {
            let text = format!(
                "There is no {name:?}. Write some of: {}.",
                MEMBERS.join(", ")
            );
            self.refuse("", text);
        }
    }
}

/// Reads a file of text, as far as one may be long.
fn read_text(path: &Path) -> Result<String, String> {
    let name = path.display();
    let unreadable = |error| format!("{name} cannot be read: {error}.");
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let mut file = file.take(limits::CLIENTS_FILE_BYTES + 1);
    let length = file.read_to_string(&mut text).map_err(unreadable)?;
    match u64::try_from(length) {
        Ok(length) if length <= limits::CLIENTS_FILE_BYTES => Ok(text),
        _ => Err(format!(
            "{name} is too long. Write {} bytes at most.",
            limits::CLIENTS_FILE_BYTES
        )),
    }
}

/// Reads TOML. An error does not show the line, in which somebody may have written a secret.
fn parse(text: &str) -> Result<Table, String> {
    text.parse::<Table>().map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("Line {line} is not TOML: {}.", error.message())
    })
}
