//! Arguments, environment variables and the `.env` file: read here, judged in `core::config`.

use std::{collections::BTreeMap, sync::Arc};

use entra_mcp_core::ask::{Ask, Fetch};

use crate::{egress::Egress, start_error::StartError};

/// What a runtime is called, and what it takes beyond the settings that all runtimes share.
#[derive(Debug)]
pub struct Program {
    /// The name of the binary, such as `entra-mcp-smol`.
    pub name: &'static str,
    /// Choices that only this runtime has.
    pub flags: &'static [Flag],
    /// Performs a fetch before anything is served, and waits for it.
    pub fetch: FetchFirst,
}

/// Performs a fetch on the thread of the caller.
pub type FetchFirst = fn(&Arc<Egress>, Fetch) -> <Fetch as Ask>::Answer;

/// A choice that only one runtime has.
#[derive(Debug)]
pub struct Flag {
    /// The argument, such as `--http-server`.
    pub name: &'static str,
    /// The environment variable, such as `ENTRA_MCP_HTTP_SERVER`.
    pub variable: &'static str,
    /// What may be chosen; the first is the default.
    pub values: &'static [&'static str],
    /// A line for `--help`.
    pub help: &'static str,
}

impl Program {
    /// The lines of `--help` about the program's own flags.
    pub(crate) fn help(&self) -> String {
        let line = |flag: &Flag| {
            let values = flag.values.join("|");
            format!(
                "  {} {values}, {}\n      {}\n",
                flag.name, flag.variable, flag.help
            )
        };
        self.flags.iter().map(line).collect()
    }
}

/// What was given.
#[derive(Debug)]
pub(crate) struct Given {
    /// The arguments after the program's name, up to `--`.
    pub(crate) arguments: Vec<String>,
    /// `--` and what stands after it: the command of a backend, in which nothing is this server's.
    pub(crate) command: Vec<String>,
    /// The variables: the environment's, and those of `.env` that the environment has not.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Given {
    /// Reads arguments, environment and the `.env` file of the current folder.
    ///
    /// # Errors
    ///
    /// What cannot be read.
    pub(crate) fn read() -> Result<Self, StartError> {
        let mut arguments = Vec::new();
        for argument in std::env::args_os().skip(1) {
            let argument = argument
                .into_string()
                .map_err(|argument| StartError::ArgumentNotUtf8 { argument })?;
            arguments.push(argument);
        }
        let end = arguments.iter().position(|argument| argument == "--");
        let command = arguments.split_off(end.unwrap_or(arguments.len()));
        Ok(Self {
            arguments,
            command,
            variables: variables()?,
        })
    }

    /// Takes the program's own flags out of the arguments; what was chosen, by flag.
    ///
    /// # Errors
    ///
    /// Which value is missing or unknown, and which there are.
    pub(crate) fn choose(
        &mut self,
        program: &'static Program,
    ) -> Result<BTreeMap<&'static str, &'static str>, StartError> {
        let mut chosen = BTreeMap::new();
        for flag in program.flags {
            let argument = self.take(flag.name)?;
            let value = argument
                .as_ref()
                .or_else(|| self.variables.get(flag.variable));
            let value = match value {
                None => flag.values.first(),
                Some(value) => flag.values.iter().find(|known| *known == value),
            };
            let Some(value) = value else {
                return Err(StartError::InvalidFlagValue {
                    flag: flag.name,
                    variable: flag.variable,
                    values: flag.values,
                });
            };
            chosen.insert(flag.name, *value);
        }
        Ok(chosen)
    }

    /// Takes `--name value` or `--name=value` out of the arguments; the last one counts.
    pub(crate) fn take(&mut self, name: &'static str) -> Result<Option<String>, StartError> {
        let mut value = None;
        let mut rest = Vec::new();
        let mut arguments = std::mem::take(&mut self.arguments).into_iter();
        while let Some(argument) = arguments.next() {
            if argument == name {
                let given = arguments.next();
                value = Some(given.ok_or(StartError::FlagWithoutValue { flag: name })?);
            } else if let Some(given) = argument
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='))
            {
                value = Some(given.to_owned());
            } else {
                rest.push(argument);
            }
        }
        self.arguments = rest;
        Ok(value)
    }
}

/// The variables of the environment, and those of the `.env` file of the current folder that the environment has not.
pub(crate) fn variables() -> Result<BTreeMap<String, String>, StartError> {
    let mut variables = match std::fs::read_to_string(".env") {
        Ok(text) => dotenv(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(StartError::DotenvUnreadable { error }),
    };
    // What is not UTF-8 is not ours: our settings are.
    variables.extend(
        std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    );
    Ok(variables)
}

/// Reads the lines of a `.env` file as Node's `dotenv` does: `KEY=VALUE`, an `export` in front,
/// quotes of three kinds, comments; `\n` means a new line between double quotes only. Lines that
/// are nothing of this are passed over.
fn dotenv(text: &str) -> BTreeMap<String, String> {
    text.trim_start_matches('\u{feff}')
        .lines()
        .filter_map(line)
        .collect()
}

fn line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let named = name
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-'));
    if name.is_empty() || !named {
        return None;
    }
    let value = value.trim_start();
    for quote in ['"', '\'', '`'] {
        let quoted = value
            .strip_prefix(quote)
            .and_then(|rest| rest.split_once(quote));
        if let Some((quoted, _comment)) = quoted {
            let value = match quote {
                '"' => quoted.replace("\\n", "\n").replace("\\r", "\r"),
                _ => quoted.to_owned(),
            };
            return Some((name.to_owned(), value));
        }
    }
    let value = value.split('#').next().unwrap_or_default();
    Some((name.to_owned(), value.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    static PROGRAM: Program = Program {
        name: "entra-mcp-test",
        flags: &[Flag {
            name: "--http-server",
            variable: "ENTRA_MCP_HTTP_SERVER",
            values: &["strict", "tiny_http"],
            help: "",
        }],
        fetch: |_, _| Err(entra_mcp_core::ask::FetchFault::Unreachable),
    };

    fn given(arguments: &[&str], variables: &[(&str, &str)]) -> Given {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Given {
            command: Vec::new(),
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            variables: variables.iter().map(text).collect(),
        }
    }

    #[test]
    fn dotenv_file_of_the_demonstration_is_read() {
        let read = dotenv(
            "\u{feff}# comment\r\nPLAIN=a b # comment\r\nexport EXPORTED = x\n\nEMPTY=\n\
             DOUBLE=\"a # b\\nc\" # comment\nSINGLE='a\\n\"b\"'\nURL=http://localhost:3001/?a=b\n\
             no line\n bad name=1\nOPEN=\"half\n",
        );
        let expected = [
            ("DOUBLE", "a # b\nc"),
            ("EMPTY", ""),
            ("EXPORTED", "x"),
            ("OPEN", "\"half"),
            ("PLAIN", "a b"),
            ("SINGLE", "a\\n\"b\""),
            ("URL", "http://localhost:3001/?a=b"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read, BTreeMap::from(expected));
    }

    #[test]
    fn own_flag_of_a_program_is_removed_and_overrides_its_variable() {
        let variables = [("ENTRA_MCP_HTTP_SERVER", "tiny_http")];
        let mut plain = given(&["--listen", "x"], &[]);
        assert_eq!(plain.choose(&PROGRAM).unwrap()["--http-server"], "strict");
        assert_eq!(plain.arguments, ["--listen", "x"]);
        let mut variable = given(&[], &variables);
        assert_eq!(
            variable.choose(&PROGRAM).unwrap()["--http-server"],
            "tiny_http"
        );
        let mut both = given(&["--http-server=strict", "--help"], &variables);
        assert_eq!(both.choose(&PROGRAM).unwrap()["--http-server"], "strict");
        assert_eq!(both.arguments, ["--help"]);
    }

    #[test]
    fn invalid_choice_is_an_error_with_the_valid_ones() {
        let refusal = given(&["--http-server", "apache"], &[]).choose(&PROGRAM);
        assert_eq!(
            refusal.unwrap_err().to_string(),
            "--http-server (ENTRA_MCP_HTTP_SERVER) must be strict or tiny_http."
        );
        let refusal = given(&["--http-server"], &[]).choose(&PROGRAM);
        assert!(matches!(
            refusal,
            Err(StartError::FlagWithoutValue {
                flag: "--http-server"
            })
        ));
    }
}
