//! Where to listen, the public address, origins and the data folder.

use std::collections::BTreeMap;

use entra_mcp_core::config::PublicUrlError;

use super::{super::parse, Command, ConfigError, REAL, config, data_dir, error, message, real};

#[test]
fn listen_address_is_accepted_in_every_form() {
    let cases = [
        ("4001", "127.0.0.1:4001 [::1]:4001", "http://localhost:4001"),
        (
            "localhost:4001",
            "127.0.0.1:4001 [::1]:4001",
            "http://localhost:4001",
        ),
        ("127.0.0.1:4001", "127.0.0.1:4001", "http://localhost:4001"),
        ("[::1]:4001", "[::1]:4001", "http://localhost:4001"),
        ("127.0.0.2:4001", "127.0.0.2:4001", "http://127.0.0.2:4001"),
    ];
    for (text, addresses, public_url) in cases {
        let config = config(&["--listen", text], &[]);
        let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
        assert_eq!(listen.join(" "), addresses, "{text}");
        assert_eq!(config.public_url.issuer(), public_url, "{text}");
        let tenant = parse(
            "",
            &["--dev-tenant-listen".to_owned(), text.to_owned()],
            &BTreeMap::from([("HOME".to_owned(), "/home/adele".to_owned())]),
            &[],
        );
        let Ok(Command::Run(tenant)) = tenant else {
            panic!("{tenant:?}");
        };
        let origin = format!("{public_url}/");
        assert_eq!(tenant.entra.graph.as_str(), origin, "{text}");
        assert_eq!(tenant.entra.authority_host.as_str(), origin, "{text}");
    }
    for wrong in ["localhost", "mcp.contoso.com:3001", "70000", "localhost:0"] {
        let message = message(&["--listen", wrong], &[]);
        assert!(message.contains("Write localhost:3001"), "{message}");
    }
    let taken = error(&["--listen", "localhost:3002"], &[]);
    assert_eq!(taken, ConfigError::DevTenantPortTaken);
    assert!(taken.setting().starts_with("--dev-tenant-listen"));
}

#[test]
fn data_folder_defaults_to_that_of_the_user() {
    let cases = [
        (&real(&[])[..], "/home/adele/.local/share/entra-mcp/entra"),
        (
            &real(&[("XDG_DATA_HOME", "/data")]),
            "/data/entra-mcp/entra",
        ),
        (
            &real(&[("XDG_DATA_HOME", "data")]),
            "/home/adele/.local/share/entra-mcp/entra",
        ),
        (
            &real(&[("ENTRA_MCP_DATA_DIR", "/var/lib/entra-mcp")]),
            "/var/lib/entra-mcp",
        ),
    ];
    for (variables, folder) in cases {
        assert_eq!(data_dir(&config(&[], variables)), folder);
    }
    let missing = error(&[], &[("HOME", "")]);
    assert_eq!(missing, ConfigError::MissingDataDir);
    assert_eq!(missing.setting(), "--data-dir (ENTRA_MCP_DATA_DIR)");
}

// Q1
#[test]
fn public_url_must_be_https_unless_loopback() {
    for (wrong, problem) in [
        ("http://mcp.contoso.com", PublicUrlError::NotHttps),
        ("mcp.contoso.com", PublicUrlError::NotUrl),
        ("https://a@b.example", PublicUrlError::NamesUser),
        ("https://a.example/mcp", PublicUrlError::Path),
        ("https://a.example/a b", PublicUrlError::Path),
        ("https://a.example/ai?b", PublicUrlError::NotBare),
        ("https://a.example/#ai", PublicUrlError::NotBare),
    ] {
        let error = error(&["--public-url", wrong], &real(&[]));
        assert_eq!(error, ConfigError::InvalidPublicUrl { problem });
        assert_eq!(error.setting(), "--public-url (ENTRA_MCP_PUBLIC_URL)");
    }
    let below = config(
        &["--public-url", "https://a.example/ai/mcp-server/"],
        &real(&[]),
    );
    assert_eq!(below.public_url.issuer(), "https://a.example/ai/mcp-server");
    assert_eq!(below.public_url.host(), "a.example");
    let missing = error(&["--listen", "0.0.0.0:3001"], &real(&[]));
    assert_eq!(missing, ConfigError::MissingPublicUrl);
    let arguments = [
        "--listen",
        "0.0.0.0:3001",
        "--public-url",
        "https://mcp.contoso.com",
    ];
    assert_eq!(
        config(&arguments, &real(&[])).public_url.issuer(),
        "https://mcp.contoso.com"
    );
}

// J5, Q2
#[test]
fn dev_tenant_starts_only_on_loopback() {
    let everywhere = [
        &[
            "--listen",
            "0.0.0.0:3001",
            "--public-url",
            "http://localhost:3001",
        ][..],
        &["--dev-tenant-listen", "0.0.0.0:3002"],
        &["--public-url", "https://mcp.contoso.com"],
    ];
    for arguments in everywhere {
        let error = error(arguments, &[]);
        assert!(matches!(error, ConfigError::DevTenantNotLocal { .. }));
    }
}

#[test]
fn null_is_no_allowed_origin() {
    let arguments = [
        "--allow-origin",
        "http://localhost:6274",
        "--allow-origin",
        "https://a.example",
    ];
    assert_eq!(config(&arguments, &[]).allowed_origins.len(), 2);
    for wrong in ["null", "*", "http://localhost:6274/", "localhost:6274"] {
        let error = error(&["--allow-origin", wrong], &[]);
        assert_eq!(error, ConfigError::InvalidOrigin, "{wrong}");
    }
}

#[test]
fn trusted_proxies_are_addresses_and_ranges() {
    let arguments = ["--trusted-proxy", "127.0.0.1 10.0.0.0/8"];
    let ranges = config(&arguments, &[]).trusted_proxies;
    assert!(ranges[1].contains("10.9.8.7".parse().unwrap()));
    let variable = [("ENTRA_MCP_TRUSTED_PROXIES", "::1,fd00::/8")];
    assert_eq!(config(&[], &variable).trusted_proxies.len(), 2);
    for wrong in ["proxy.example", "10.0.0.0/33", "10.0.0.7:80", "*"] {
        let error = error(&["--trusted-proxy", wrong], &[]);
        assert_eq!(error, ConfigError::InvalidProxy, "{wrong}");
    }
}

#[test]
fn allowed_hosts_are_hosts_with_or_without_a_port() {
    let arguments = [
        "--allow-host",
        "Inner.contoso.com:8443, 10.0.0.7 [::1]:3001",
    ];
    let hosts = config(&arguments, &[]).allowed_hosts;
    assert_eq!(hosts, ["inner.contoso.com:8443", "10.0.0.7", "[::1]:3001"]);
    let variable = [("ENTRA_MCP_ALLOWED_HOSTS", "mcp.contoso.com:443")];
    assert_eq!(config(&[], &variable).allowed_hosts.len(), 1);
    for wrong in [
        "https://a.example",
        "a.example/mcp",
        "*.a.example/",
        "user@a.example",
        "a:b",
    ] {
        let error = error(&["--allow-host", wrong], &[]);
        assert_eq!(error, ConfigError::InvalidHost, "{wrong}");
    }
}

#[test]
fn setting_that_is_on_or_off_takes_nothing_else() {
    assert!(config(&[], &[]).authorization_response_iss);
    assert!(config(&["--response-iss", "on"], &[]).authorization_response_iss);
    let variable = [("ENTRA_MCP_RESPONSE_ISS", "off")];
    assert!(!config(&[], &variable).authorization_response_iss);
    assert!(!config(&[], &[]).device_authorization);
    assert!(config(&["--device-authorization", "on"], &[]).device_authorization);
    assert!(!config(&[], &[]).code_page);
    assert!(config(&["--code-page", "on"], &[]).code_page);
    let wrong = error(&["--response-iss", "no"], &[]);
    let text = wrong.to_string();
    assert!(
        text.contains("--response-iss") && text.contains("on or off"),
        "{text}"
    );
}

#[test]
fn proxy_protocol_needs_a_proxy_that_is_trusted() {
    let on = ["--proxy-protocol", "on"];
    let message = message(&on, &[]);
    assert!(message.starts_with("--trusted-proxy"), "{message}");
    assert!(message.contains("--proxy-protocol is on"), "{message}");
    let config = config(
        &["--proxy-protocol", "on", "--trusted-proxy", "10.0.0.7"],
        &[],
    );
    assert!(config.proxy_protocol);
}

// M5: a few users stand for everybody only where the development tenant is.
#[test]
fn sessions_of_a_user_are_bounded_by_a_number() {
    assert_eq!(config(&[], &[]).sessions_per_user, 256);
    let real = config(&[], &REAL);
    assert_eq!(real.sessions_per_user, 32);
    for (text, number) in [("1", 1), ("100", 100), ("256", 256)] {
        let config = config(&["--sessions-per-user", text], &[]);
        assert_eq!(config.sessions_per_user, number);
    }
    for wrong in ["0", "257", "-1", "many", "1.5", "99999999999999999999999"] {
        let error = error(&["--sessions-per-user", wrong], &[]);
        assert_eq!(error, ConfigError::InvalidSessionsPerUser, "{wrong}");
        assert!(error.to_string().contains("1 to 256"));
    }
}
