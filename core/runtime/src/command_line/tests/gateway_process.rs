use entra_mcp_core::config::{BackendCommand, BackendIdentity, BackendShare, ChildUser};

use super::*;

fn command(arguments: &[&str], variables: &[(&str, &str)]) -> BackendCommand {
    let gateway = config(arguments, variables).gateway.unwrap();
    let command = gateway.command().expect("it is a process");
    (**command).clone()
}

fn environment(command: &BackendCommand) -> Vec<String> {
    let environment = command.environment.iter();
    environment
        .map(|(name, value)| format!("{name}={}", value.expose()))
        .collect()
}

#[test]
fn all_that_stands_after_the_dashes_is_the_command() {
    let arguments = [
        "--listen",
        "localhost:4000",
        "--",
        "npx",
        "-y",
        "--listen",
        "--",
        "x y",
    ];
    let command = command(&arguments, &[]);
    assert_eq!(command.program, "npx");
    assert_eq!(command.arguments, ["-y", "--listen", "--", "x y"]);
    assert_eq!((command.processes, command.idle.as_secs()), (32, 900));
}

#[test]
fn command_in_a_variable_is_words_or_a_json_array() {
    for (text, words) in [
        ("npx -y  server", &["npx", "-y", "server"][..]),
        (r#"["my server", "a b", "$x"]"#, &["my server", "a b", "$x"]),
    ] {
        let command = command(&[], &[("ENTRA_MCP_BACKEND_COMMAND", text)]);
        let mut read = vec![command.program];
        read.extend(command.arguments);
        assert_eq!(read, words);
    }
    for text in ["npx 'a b'", "npx | tee", "[1]", "[]", "[\"\"]"] {
        let errors = all_errors(&[], &[("ENTRA_MCP_BACKEND_COMMAND", text)]);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
    }
    assert_eq!(all_errors(&["--"], &[]).len(), 1);
}

// R15
#[test]
fn process_gets_path_and_home_and_what_is_named_and_nothing_else() {
    let variables = [
        ("PATH", "/bin"),
        ("HOME", "/home/adele"),
        ("ORDERS_KEY", "s3cret"),
        ("AZURE_CLIENT_SECRET", "of the application, and long enough"),
    ];
    let arguments = [
        "--dev-tenant",
        "--backend-env",
        "ORDERS_KEY",
        "--backend-env",
        "A=b=c",
        "--",
        "x",
    ];
    let all = command(&arguments, &variables);
    assert_eq!(
        environment(&all),
        [
            "A=b=c",
            "HOME=/home/adele",
            "ORDERS_KEY=s3cret",
            "PATH=/bin"
        ]
    );
    let other = ["--dev-tenant", "--backend-user", "12:34", "--", "x"];
    let other = command(&other, &variables);
    assert_eq!(
        environment(&other),
        ["PATH=/bin"],
        "the folder of one user is not another's"
    );
    assert_eq!(other.user, Some(ChildUser { uid: 12, gid: 34 }));
    for named in ["AZURE_CLIENT_SECRET", "ENTRA_MCP_X=1", "=x", "NOT_SET"] {
        let arguments = ["--dev-tenant", "--backend-env", named, "--", "x"];
        assert_eq!(all_errors(&arguments, &variables).len(), 1, "{named}");
    }
}

#[test]
fn bounds_of_a_process_are_read() {
    let bounds = [
        "--dev-tenant",
        "--backend-processes-per-user",
        "2",
        "--backend-restart",
        "1m",
        "--backend-log-lines",
        "7",
        "--",
        "x",
    ];
    let limits = config(&bounds, &[]).gateway.unwrap().limits;
    assert_eq!((limits.processes_per_user, limits.log_lines), (2, 7));
    assert_eq!(limits.restart.as_secs(), 60);
    assert_eq!(limits.opening, entra_mcp_core::limits::PROCESS_OPENING);
    for wrong in [
        ["--backend-processes-per-user", "0"],
        ["--backend-restart", "0s"],
        ["--backend-log-lines", "0"],
        ["--backend-open-timeout", "11m"],
        ["--backend-messages", "0"],
        // It is for a backend at an address.
        ["--backend-silence", "1s"],
        ["--backend-session-idle", "1m"],
        ["--backend-connect-timeout", "1s"],
    ] {
        let arguments = ["--dev-tenant", wrong[0], wrong[1], "--", "x"];
        assert_eq!(all_errors(&arguments, &[]).len(), 1, "{wrong:?}");
    }
}

#[test]
fn settings_that_do_not_fit_a_process_are_told_all_at_once() {
    let arguments = [
        "--backend",
        "http://127.0.0.1:8000/mcp",
        "--backend-user",
        "adele",
        "--backend-processes",
        "0",
        "--backend-idle",
        "0s",
        "--identity",
        "bearer",
        "--",
        "x",
    ];
    assert_eq!(all_errors(&arguments, &[]).len(), 5);
    assert_eq!(
        all_errors(&["--backend-ca", "x.pem", "--", "x"], &[]).len(),
        1
    );
    let arguments = [
        "--backend",
        "http://127.0.0.1:8000/mcp",
        "--backend-dir",
        "/",
    ];
    assert_eq!(all_errors(&arguments, &[]).len(), 1);
    assert_eq!(all_errors(&["--backend-dir", "/"], &[]).len(), 1);
    let gateway = config(&["--identity", "none", "--", "x"], &[])
        .gateway
        .unwrap();
    assert!(gateway.identity == BackendIdentity::NONE && !gateway.signs());
}

#[test]
fn process_is_shared_only_where_that_is_said_and_users_are_told_apart() {
    let share = |arguments: &[&str]| {
        config(arguments, &[])
            .gateway
            .unwrap()
            .command()
            .unwrap()
            .share
    };
    assert_eq!(share(&["--", "x"]), BackendShare::Session);
    assert_eq!(
        share(&["--backend-share", "user", "--", "x"]),
        BackendShare::User
    );
    assert_eq!(
        share(&["--backend-share", "all", "--", "x"]),
        BackendShare::All
    );
    let wrong = ["--backend-share", "person", "--", "x"];
    assert_eq!(all_errors(&wrong, &[]).len(), 1);
    let nobody = ["--backend-share", "all", "--identity", "none", "--", "x"];
    assert_eq!(all_errors(&nobody, &[]).len(), 1);
}

fn all_errors(arguments: &[&str], variables: &[(&str, &str)]) -> Vec<ConfigError> {
    match parse(arguments, variables) {
        Err(errors) => errors,
        Ok(command) => panic!("{command:?}"),
    }
}
