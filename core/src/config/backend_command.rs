//! A server behind this one that is a process: what is run, and as whom.

use std::{collections::BTreeMap, time::Duration};

use crate::secret::Secret;

/// A server that speaks by its standard streams (MCP, transports, stdio): one process for each session of a client.
#[derive(Clone)]
pub struct BackendCommand {
    /// The program: a path, or a name that is looked up in the `PATH` of `environment`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, but for what it is told of its user.
    pub environment: BTreeMap<String, Secret<String>>,
    /// The folder that it begins in; `None`: the server's own.
    pub folder: Option<String>,
    /// As whom it runs; `None`: as the server does.
    pub user: Option<ChildUser>,
    /// Who has one together.
    pub share: BackendShare,
    /// How many processes there are at once.
    pub processes: usize,
    /// How long one lives that nobody asks anything.
    pub idle: Duration,
}

/// Who has a process together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendShare {
    /// Each session of a client has one of its own.
    #[default]
    Session,
    /// All sessions of a user have one.
    User,
    /// All users have one, which knows them apart by the assertion of each request.
    All,
}

impl BackendShare {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Session, Self::User, Self::All];

    /// Its name in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::User => "user",
            Self::All => "all",
        }
    }
}

/// Whose rights a process has; no further groups. Only root can give rights away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildUser {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

impl std::fmt::Debug for BackendCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither arguments nor environment: they may hold keys.
        write!(f, "BackendCommand({:?})", self.program)
    }
}

/// The longest argument that is shown.
const SHOWN: usize = 80;

impl BackendCommand {
    /// What runs, as it is shown, to users too: the name of the program, and its first argument, or what follows the `-y` of
    /// `npx`, if that looks like a name. Others may hold keys.
    #[must_use]
    pub fn shown(&self) -> String {
        let program = self.program.rsplit('/').next().unwrap_or_default();
        let is_plain = |argument: &&String| {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"@/._-".contains(&byte);
            !argument.starts_with('-') && argument.len() <= SHOWN && argument.bytes().all(is_name)
        };
        let mut arguments = self.arguments.iter();
        match arguments.find(|argument| *argument != "-y") {
            Some(named) if is_plain(&named) => format!("{program} {named}"),
            _ => program.to_owned(),
        }
    }

    /// The values of its environment that are secrets, as their names say.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret<String>> {
        let is_secret = |name: &str| {
            let name = name.to_ascii_uppercase();
            SECRETS.iter().any(|word| name.contains(word))
        };
        let environment = self.environment.iter();
        environment.filter_map(move |(name, value)| is_secret(name).then_some(value))
    }
}

/// What the names of variables have in them whose values are secrets.
const SECRETS: [&str; 6] = [
    "KEY",
    "TOKEN",
    "SECRET",
    "PASSW",
    "CREDENTIAL",
    "CONNECTION_STRING",
];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn command(line: &str) -> BackendCommand {
        let mut words = line.split(' ').map(str::to_owned);
        BackendCommand {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment: BTreeMap::new(),
            folder: None,
            user: None,
            share: BackendShare::Session,
            processes: 3,
            idle: Duration::from_secs(60),
        }
    }

    #[test]
    fn command_is_shown_without_what_may_be_a_key() {
        for (line, shown) in [
            (
                "npx -y @modelcontextprotocol/server-filesystem ./",
                "npx @modelcontextprotocol/server-filesystem",
            ),
            ("/usr/bin/orders", "orders"),
            ("orders --key s3cret", "orders"),
            ("orders --key=s3cret", "orders"),
            ("psql postgres://u:p@host/db", "psql"),
        ] {
            assert_eq!(command(line).shown(), shown);
        }
        assert!(!format!("{:?}", command("orders s3cret")).contains("s3cret"));
    }

    #[test]
    fn secrets_of_the_environment_are_known_by_their_names() {
        let mut command = command("orders");
        for name in ["HOME", "ORDERS_DIR", "Orders_Api_Key", "DB_PASSWORD"] {
            let value = Secret::new(name.to_lowercase());
            command.environment.insert(name.to_owned(), value);
        }
        let secrets: Vec<_> = command
            .secrets()
            .map(|secret| secret.expose().as_str())
            .collect();
        assert_eq!(secrets, ["db_password", "orders_api_key"]);
    }
}
