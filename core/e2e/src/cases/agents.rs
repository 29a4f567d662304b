//! Agents of Microsoft Entra Agent ID, with access tokens of their own, of users, and of accounts of their own.

use std::{fs, path::Path};

use entra_mcp_dev_tenant::{
    AGENT_ID, AGENT_USER, API_URI, BLUEPRINT_ID, BLUEPRINT_SECRET, BLUEPRINT_URI, COMMAND_LINE_ID,
};
use serde_json::Value;

use super::entra_tokens::{OPEN, details, initialize, on_behalf_of, token};
use crate::{Program, Server, session::until};

const EXCHANGE: &str = "api://AzureADTokenExchange/.default";

/// What proves that it is the agent: the blueprint gets it.
fn proof(server: &Server) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", BLUEPRINT_ID),
        ("client_secret", BLUEPRINT_SECRET),
        ("scope", EXCHANGE),
        ("fmi_path", AGENT_ID),
    ];
    token(server, &form)
}

fn of_agent(server: &Server, form: &[(&str, &str)]) -> String {
    let proof = proof(server);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let own = [
        ("client_id", AGENT_ID),
        ("client_assertion_type", kind),
        ("client_assertion", proof.as_str()),
    ];
    token(server, &[&own, form].concat())
}

fn on_its_own(server: &Server) -> String {
    let scope = format!("{API_URI}/.default");
    of_agent(
        server,
        &[("grant_type", "client_credentials"), ("scope", &scope)],
    )
}

fn for_user(server: &Server, username: &str) -> String {
    let (blueprint, scope) = (
        format!("{BLUEPRINT_URI}/access_agent"),
        format!("{API_URI}/user.read"),
    );
    let form = [
        ("grant_type", "password"),
        ("client_id", COMMAND_LINE_ID),
        ("username", username),
        ("password", "any"),
        ("scope", blueprint.as_str()),
    ];
    let shown = token(server, &form);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("requested_token_use", "on_behalf_of"),
        ("assertion", &shown),
        ("scope", &scope),
    ];
    of_agent(server, &form)
}

fn of_its_account(server: &Server) -> String {
    let exchange = [("grant_type", "client_credentials"), ("scope", EXCHANGE)];
    let own = of_agent(server, &exchange);
    let scope = format!("{API_URI}/user.read");
    let form = [
        ("grant_type", "user_fic"),
        ("user_federated_identity_credential", own.as_str()),
        ("username", AGENT_USER.username),
        ("scope", scope.as_str()),
    ];
    of_agent(server, &form)
}

/// The line of the audit log that says who called.
fn accepted(path: &Path, principal: &str) -> Value {
    let find = || {
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let mut lines = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.find(|line| line["event"] == "entra_token.accepted" && line["principal"] == principal)
    };
    until("the audit log says who called", || find().is_some());
    find().unwrap()
}

/// D16, D17: which agent acts, and for whom, is told by tools and the audit log.
pub fn agents_use_tools_for_users_and_are_told_apart(program: &Program) {
    let path =
        std::env::temp_dir().join(format!("entra-mcp-agents-{}", crate::server::free_port()));
    let log = ["--audit-log", path.to_str().unwrap()];
    let role = ["--accept-role", "Tools.Execute.All"];
    let server = program.start_with(&[&OPEN[..], &role, &log].concat());
    let alone = details(&server, &on_its_own(&server));
    assert_eq!(alone.status, 403, "{}", alone.body);
    assert!(alone.body.contains("acts as a user"), "{}", alone.body);
    assert!(!asked_graph(&server));
    for (token, name) in [
        (for_user(&server, "bob"), "Bob Baumann"),
        (of_its_account(&server), AGENT_USER.display_name),
    ] {
        let answer = details(&server, &token);
        assert!(answer.body.contains(name), "{}", answer.body);
    }
    let of_bob = "b0b00000-91e2-4f6a-b3d8-2c7a5e104c02";
    for (principal, oid) in [
        ("agent", AGENT_ID),
        ("agent_for_user", of_bob),
        ("agent_user", AGENT_USER.oid),
    ] {
        let line = accepted(&path, principal);
        assert_eq!(
            (&line["application"], &line["object_id"]),
            (&AGENT_ID.into(), &oid.into())
        );
    }
    drop(fs::remove_file(&path));
}

/// Nobody acts on behalf of nobody: the agent itself asks for its users' tokens, so of the server's own requests there is none.
fn asked_graph(server: &Server) -> bool {
    let requests = server.ask_tenant("GET", "/control/requests", &[], "");
    requests.body.contains("/v1.0/me") || on_behalf_of(server) > 0
}

/// D16
pub fn agents_are_kept_out_where_the_operator_says_so(program: &Program) {
    let more = [
        "--accept-role",
        "Tools.Execute.All",
        "--accept-agents",
        "off",
    ];
    let server = program.start_with(&[&OPEN[..], &more].concat());
    for token in [
        on_its_own(&server),
        for_user(&server, "alice"),
        of_its_account(&server),
    ] {
        assert_eq!(initialize(&server, &token).status, 403);
    }
    until("the log says why", || {
        server.log().contains("--accept-agents is off")
    });
}
