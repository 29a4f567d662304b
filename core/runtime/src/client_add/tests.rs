use std::collections::BTreeMap;

use super::*;
use crate::command_line::{Command, parse};

fn config(arguments: &[&str]) -> Config {
    let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let variables = BTreeMap::from([("HOME".to_owned(), "/home/adele".to_owned())]);
    match parse("entra-mcp-test", &arguments, &variables, &[]) {
        Ok(Command::Run(config)) => *config,
        other => panic!("{other:?}"),
    }
}

fn given(arguments: &[&str]) -> Given {
    Given {
        command: Vec::new(),
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        variables: BTreeMap::new(),
    }
}

#[test]
fn command_is_taken_out_of_the_arguments() {
    let mut other = given(&["--listen", "localhost:1"]);
    assert!(take(&mut other).unwrap().is_none());
    assert_eq!(other.arguments.len(), 2);
    let mut add = given(&[
        "client",
        "add",
        "--public-url",
        "https://mcp.contoso.com",
        "--for",
        "foundry",
    ]);
    assert_eq!(take(&mut add).unwrap().unwrap().name, "foundry");
    assert_eq!(add.arguments, ["--public-url", "https://mcp.contoso.com"]);
    for wrong in [
        &["client"][..],
        &["client", "add"],
        &["client", "--for", "foundry"],
        &["client", "add", "--for", "teams"],
    ] {
        let error = take(&mut given(wrong)).unwrap_err().to_string();
        assert!(
            error.contains("client add --for") && error.contains("copilot-studio"),
            "{error}"
        );
    }
}

#[test]
fn every_platform_gets_an_entry_without_the_secret_and_what_to_type() {
    let config = config(&["--clients", "clients.toml"]);
    for platform in &PLATFORMS {
        let text = text(platform, &config, [7; 32], [9; 32]);
        let secret = "09".repeat(32);
        assert_eq!(text.matches(&secret).count(), 1, "{text}");
        let (_, entry) = text.split_once("[[client]]").unwrap();
        let (entry, typed) = entry.split_once("\n\n").unwrap();
        let entry: toml::Table = entry.parse().unwrap();
        assert_eq!(
            entry["id"].as_str(),
            Some(format!("{}-07070707", platform.name).as_str())
        );
        let hash = SecretHash::of(&Secret::new(secret.clone())).to_string();
        assert_eq!(entry["secret_sha256"].as_str(), Some(hash.as_str()));
        for part in [
            secret.as_str(),
            platform.place,
            "-07070707",
            "shown here once",
        ] {
            assert!(typed.contains(part), "{part}: {text}");
        }
        assert!(text.contains("Add this to clients.toml"), "{text}");
    }
}

#[test]
fn addresses_are_those_of_the_public_url() {
    let text = text(&PLATFORMS[0], &config(&[]), [1; 32], [2; 32]);
    for part in [
        "Server URL          http://localhost:3001/mcp\n",
        "Authorization URL   http://localhost:3001/authorize\n",
        "Token URL template  http://localhost:3001/token\n",
        "start the server with --clients",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
