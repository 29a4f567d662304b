//! Replicas with other settings.

use std::collections::BTreeMap;

use entra_mcp_core::config::Config;

use super::super::agreement::{KEY, LIFETIME_SECONDS};
use super::*;
use crate::command_line::{Command, parse};

fn config(public_url: &str, client_id: &str) -> Config {
    let arguments = ["--public-url", public_url].map(str::to_owned);
    let variables = BTreeMap::from([
        ("HOME", "/home/adele"),
        ("AZURE_TENANT_ID", "9122040d-6c67-4c5b-b112-36a304b66dad"),
        ("AZURE_CLIENT_ID", client_id),
        ("AZURE_CLIENT_SECRET", "a secret of tests"),
    ]);
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match parse("entra-mcp-test", &arguments, &variables, &[]) {
        Ok(Command::Run(config)) => *config,
        other => panic!("{other:?}"),
    }
}

const APPLICATION: &str = "00001111-aaaa-2222-bbbb-3333cccc4444";

// Q7
#[test]
fn replica_with_other_settings_is_refused_while_others_run() {
    let server = RedisProcess::start();
    let [one, other] = [(); 2].map(|()| server.store());
    let ours = config("https://mcp.contoso.com", APPLICATION);
    one.agree(&ours).unwrap();
    other.agree(&ours).unwrap();
    for (theirs, differs) in [
        (
            config("https://mcp.fabrikam.com", APPLICATION),
            "https://mcp.fabrikam.com",
        ),
        (
            config(
                "https://mcp.contoso.com",
                "11112222-bbbb-3333-cccc-4444dddd5555",
            ),
            "11112222-bbbb",
        ),
    ] {
        let refused = other.agree(&theirs).unwrap_err().to_string();
        assert!(refused.contains(differs), "{refused}");
        assert!(refused.contains("https://mcp.contoso.com"), "{refused}");
        one.agree(&ours).unwrap();
    }
    // They are forgotten soon after the last one that runs has said them.
    let name = format!("{}{KEY}", one.prefix);
    let mut connection = server.connection();
    let left: u64 = redis::cmd("TTL").arg(&name).query(&mut connection).unwrap();
    assert!((1..=LIFETIME_SECONDS).contains(&left), "{left}");
    redis::cmd("DEL").arg(&name).exec(&mut connection).unwrap();
    let theirs = config("https://mcp.fabrikam.com", APPLICATION);
    other.agree(&theirs).unwrap();
    assert!(one.agree(&ours).is_err());
}
