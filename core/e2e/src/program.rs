//! A server binary, and how it is started.

use std::{path::Path, process::Command};

use crate::server::{Server, Tenant};

/// A server binary and the flags that choose how it works.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    path: &'static str,
    flags: &'static [&'static str],
    example: Option<&'static str>,
    settings: &'static [&'static str],
}

impl Program {
    /// A binary.
    #[must_use]
    pub const fn new(path: &'static str, flags: &'static [&'static str]) -> Self {
        Self {
            path,
            flags,
            example: None,
            settings: &[],
        }
    }

    /// The example of this name, which stands next to the binary and takes the same flags. Its file is
    /// called as the binary is: `hello-smol` beside `entra-mcp-smol`.
    #[must_use]
    pub const fn example(mut self, name: &'static str) -> Self {
        self.example = Some(name);
        self
    }

    /// The same with these settings.
    #[must_use]
    pub const fn with(mut self, settings: &'static [&'static str]) -> Self {
        self.settings = settings;
        self
    }

    /// Starts it with the dev tenant on free ports, an empty data folder and these further flags.
    #[must_use]
    pub fn start(&self) -> Server {
        Server::new(*self, None, None)
    }

    /// The same with these further arguments.
    #[must_use]
    pub fn start_with(&self, arguments: &[&str]) -> Server {
        Server::with(*self, None, None, arguments, "")
    }

    /// The same with these further arguments and variables.
    #[must_use]
    pub fn start_with_variables(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        Server::with_variables(*self, arguments, variables)
    }

    /// The same with a public address that has this path.
    #[must_use]
    pub fn start_below(&self, base_path: &'static str) -> Server {
        Server::with(*self, None, None, &[], base_path)
    }

    /// The same, with at most this many descriptors.
    #[must_use]
    pub fn start_with_descriptors(&self, descriptors: u32) -> Server {
        Server::new(*self, Some(descriptors), None)
    }

    /// Starts it without a dev tenant of its own: as another instance of the application in the tenant of `other`,
    /// with this setting of what it proves its identity with.
    #[must_use]
    pub fn start_in_tenant_of(
        &self,
        other: &Server,
        credential: &[(&'static str, &str)],
    ) -> Server {
        let credential = credential.iter();
        let tenant = Tenant {
            port: other.tenant_port,
            id: entra_mcp_dev_tenant::TENANT_ID,
            credential: credential
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        };
        Server::new(*self, None, Some(tenant))
    }

    /// The same for users of several organizations, which these arguments name.
    #[must_use]
    pub fn start_for_organizations(&self, other: &Server, arguments: &[&str]) -> Server {
        let secret = entra_mcp_dev_tenant::CLIENT_SECRET.to_owned();
        let tenant = Tenant {
            port: other.tenant_port,
            id: "organizations",
            credential: vec![("AZURE_CLIENT_SECRET", secret)],
        };
        Server::with(*self, None, Some(tenant), arguments, "")
    }

    /// Has an operator's command, such as `sessions`, done in the folder of a server: whether it succeeded, and what it says.
    #[must_use]
    pub fn ask(&self, command: &str, server: &Server, arguments: &[&str]) -> (bool, String) {
        let output = self
            .command()
            .arg(command)
            .args(arguments)
            .current_dir(std::env::temp_dir())
            .arg("--data-dir")
            .arg(server.folder())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        (output.status.success(), said)
    }

    /// A command with no setting from outside.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command_with_descriptors(None)
    }

    pub(crate) fn command_with_descriptors(&self, descriptors: Option<u32>) -> Command {
        let path = Path::new(self.path);
        let path = match self.example {
            Some(name) => {
                let runtime = self.path.rsplit('-').next().unwrap_or_default();
                let examples = path.with_file_name("examples");
                examples.join(format!("{name}-{runtime}"))
            }
            None => path.to_owned(),
        };
        let mut command = match descriptors {
            None => Command::new(path),
            Some(descriptors) => {
                let mut shell = Command::new("/bin/sh");
                let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
                shell.args(["-c", &script]).arg(path);
                shell
            }
        };
        command
            .args(self.flags)
            .args(self.settings)
            .env_clear()
            .env("HOME", "/nonexistent");
        command
    }
}
