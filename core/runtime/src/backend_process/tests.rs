use std::collections::BTreeMap;

use super::*;
use crate::command_line::{self, Command};

/// The settings of a server with this command and these further arguments; of a real tenant, if it is said.
fn config(is_real: bool, key: bool, arguments: &[&str]) -> Config {
    // It would be made when it is opened.
    let folder = std::env::temp_dir().join("entra-mcp-not-opened");
    let mut all = vec!["--data-dir".to_owned(), folder.display().to_string()];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let mut variables = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
    if is_real {
        set("AZURE_TENANT_ID", "contoso.com");
        set("AZURE_CLIENT_ID", "6f1e5f0a-0c8f-4d1e-9a65-2b2a4b1f8e11");
        set("AZURE_CLIENT_SECRET", "of the application, and long enough");
    }
    if key {
        set(
            "ENTRA_MCP_KEY",
            "q0k2p1Yw8mZx3vB7nL5tR9cF4hJ6dS2aG1eU8oI0yXk",
        );
    }
    match command_line::parse("server", &all, &variables, &[]) {
        Ok(Command::Run(config)) => *config,
        other => panic!("{other:?}"),
    }
}

// R15
#[test]
fn process_that_could_read_the_keys_is_not_run_in_production() {
    let command = ["--", "sh", "-c", "cat"];
    let refused = check(&config(true, false, &command));
    let Err(error @ BackendProcessError::CanRead { .. }) = refused else {
        panic!("it is refused: {refused:?}");
    };
    let words = error.to_string();
    assert!(
        words.contains("--backend-user") && words.contains("ENTRA_MCP_KEY"),
        "{words}"
    );
    check(&config(true, true, &command)).expect("the key is in no file");
    check(&config(false, false, &command)).expect("nothing is anybody's");
}

#[test]
fn process_of_another_user_is_run_by_root_alone() {
    let arguments = ["--backend-user", "64123:64123", "--", "sh"];
    let checked = check(&config(true, false, &arguments));
    match user::own() == 0 {
        true => checked.expect("it owns nothing here"),
        false => assert!(matches!(checked, Err(BackendProcessError::NotRoot))),
    }
}

#[test]
fn program_or_folder_that_is_not_there_is_told_at_the_start() {
    for command in [
        &["--", "no-such-program"][..],
        &["--", "./no-such-program"],
        &["--", "sh -c cat"],
    ] {
        let checked = check(&config(false, false, command));
        assert!(
            matches!(checked, Err(BackendProcessError::NoProgram { .. })),
            "{checked:?}"
        );
    }
    let arguments = ["--backend-dir", "/no/such/folder", "--", "sh"];
    let checked = check(&config(false, false, &arguments));
    assert!(
        matches!(checked, Err(BackendProcessError::NoFolder { .. })),
        "{checked:?}"
    );
}
