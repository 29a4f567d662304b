//! Until `core::config` parses: the defaults and three variables.

use std::collections::BTreeMap;

use entra_mcp_core::{
    config::{Config, EntraApp, LogFormat, PublicUrl},
    secret::Secret,
};

pub(crate) enum Parsed {
    Run(Box<Config>),
    Help(String),
}

pub(crate) fn parse(
    arguments: &[String],
    variables: &BTreeMap<String, String>,
) -> Result<Parsed, String> {
    if arguments.iter().any(|argument| argument == "--help") {
        return Ok(Parsed::Help("--help\n".to_owned()));
    }
    let listen = variables
        .get("ENTRA_MCP_LISTEN")
        .map_or("127.0.0.1:3001", String::as_str);
    let listen = listen.parse().map_err(|error| format!("{error}"))?;
    let data_dir = variables
        .get("ENTRA_MCP_DATA_DIR")
        .map_or("data", String::as_str);
    let url = |text: &str| text.parse().map_err(|error| format!("{error}"));
    Ok(Parsed::Run(Box::new(Config {
        listen: vec![listen],
        public_url: PublicUrl::parse(
            variables
                .get("ENTRA_MCP_PUBLIC_URL")
                .map_or("http://localhost:3001", String::as_str),
        )?,
        entra: EntraApp {
            tenant: "dev".to_owned(),
            client_id: "dev".to_owned(),
            client_secret: Secret::new("dev".to_owned()),
            authority_host: url("http://localhost:3002/")?,
            graph: url("http://localhost:3002/")?,
        },
        dev_tenant: None,
        data_dir: data_dir.into(),
        keys: Vec::new(),
        allowed_origins: Vec::new(),
        log: LogFormat::Text,
    })))
}
