//! The settings of Entra ID and its clouds.

use super::{
    super::{AuthorityHostError, ConfigError, EntraSettingError},
    REAL, config, error, real,
};
use entra_mcp_core::{config::ClientCredential, time::UnixTime};

#[test]
fn incomplete_tenant_settings_are_errors_that_name_the_missing() {
    let with_all = config(&[], &real(&[]));
    assert!(with_all.dev_tenant.is_none());
    assert_eq!(
        with_all.entra.graph.as_str(),
        "https://graph.microsoft.com/"
    );
    for (name, _) in REAL {
        let given: Vec<_> = REAL
            .iter()
            .filter(|(given, _)| *given != name)
            .copied()
            .collect();
        let error = error(&[], &given);
        let problem = EntraSettingError::Missing;
        assert!(matches!(error, ConfigError::Entra { problem: found, .. } if found == problem));
        assert_eq!(error.setting(), name);
    }
    assert!(config(&["--dev-tenant"], &real(&[])).dev_tenant.is_some());
}

// D8
#[test]
fn invalid_entra_setting_is_an_error_with_an_example_and_no_secret() {
    let wrong = [
        ("AZURE_TENANT_ID", "common", "one tenant"),
        ("AZURE_TENANT_ID", "contoso", "neither a GUID nor a domain"),
        (
            "AZURE_TENANT_ID",
            "organizations",
            "does not say which of them may sign in",
        ),
        ("AZURE_CLIENT_ID", "my app", "not a GUID"),
        (
            "AZURE_CLIENT_SECRET",
            "11111111-2222-3333-4444-555555555555",
            "not its value",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "http://login.microsoftonline.com",
            "https",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.evil.example",
            "not known",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.microsoftonline.com/tenant",
            "host only",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.microsoftonline.com@evil.example",
            "host only",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.microsoftonline.com:8443",
            "not known",
        ),
    ];
    for (name, value, expected) in wrong {
        let error = super::message(&[], &real(&[(name, value)]));
        assert!(
            error.starts_with(name) && error.contains(expected),
            "{error}"
        );
        assert!(name != "AZURE_CLIENT_SECRET" || !error.contains(value));
    }
}

#[test]
fn file_replaces_the_client_secret_and_two_credentials_are_an_error() {
    let certificate = ("AZURE_CLIENT_CERTIFICATE_PATH", "/run/secrets/client.pem");
    let federated = ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/azure/token");
    let no_secret = ("AZURE_CLIENT_SECRET", "");
    let identity = ("ENTRA_MCP_MANAGED_IDENTITY", IDENTITY);
    let credential = |given: &[_]| config(&[], &real(given)).entra.credential;
    assert!(matches!(
        credential(&[no_secret, certificate]),
        ClientCredential::Certificate(file) if file.path.to_str() == Some(certificate.1)
    ));
    assert!(matches!(
        credential(&[no_secret, federated]),
        ClientCredential::FederatedToken(path) if path.to_str() == Some(federated.1)
    ));
    for given in [
        &[certificate][..],
        &[federated],
        &[no_secret, certificate, federated],
        &[certificate, federated],
        &[identity],
        &[no_secret, identity, federated],
        &[no_secret, identity, certificate],
    ] {
        assert_eq!(error(&[], &real(given)), ConfigError::SeveralCredentials);
    }
    assert!(super::message(&[], &real(&[certificate])).starts_with("AZURE_CLIENT_SECRET, AZURE_"));
}

const IDENTITY: &str = "7C2BE0D4-51A6-4F0B-8D37-D3E7E4A70003";

/// The variables with a managed identity and these further ones.
fn with_identity(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut given = real(&[
        ("AZURE_CLIENT_SECRET", ""),
        ("ENTRA_MCP_MANAGED_IDENTITY", IDENTITY),
    ]);
    given.extend(more);
    given
}

// The order of Azure's own libraries.
#[test]
fn host_of_a_managed_identity_is_known_by_the_variables_that_it_sets() {
    let host = |more: &[_]| match config(&[], &with_identity(more)).entra.credential {
        ClientCredential::ManagedIdentity(identity) => format!("{identity:?}"),
        other => panic!("{other:?}"),
    };
    let endpoint = ("IDENTITY_ENDPOINT", "http://169.254.129.5:8081/msi/token");
    let header = ("IDENTITY_HEADER", "the-header");
    let arc = ("IMDS_ENDPOINT", "http://localhost:40342");
    let app_service = host(&[endpoint, header]);
    assert!(app_service.contains("AppService") && app_service.contains("169.254.129.5"));
    assert!(!app_service.contains("the-header"), "O3: {app_service}");
    assert!(host(&[endpoint, header, arc]).contains("AppService"));
    assert!(host(&[endpoint, arc]).contains("Arc"));
    // An endpoint without what proves that the caller runs inside is nothing.
    for more in [&[][..], &[endpoint], &[header]] {
        let host = host(more);
        assert!(host.contains("InstanceMetadata") && host.contains("169.254.169.254"));
    }
    let instead = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:3002");
    assert!(host(&[instead]).contains("127.0.0.1"));
    assert!(host(&[]).contains(&IDENTITY.to_ascii_lowercase()));
    let by_flag = ["--managed-identity", IDENTITY];
    let config = config(&by_flag, &real(&[("AZURE_CLIENT_SECRET", "")]));
    assert!(matches!(
        config.entra.credential,
        ClientCredential::ManagedIdentity(_)
    ));
}

#[test]
fn managed_identity_that_cannot_be_used_is_an_error_that_says_why() {
    const ENDPOINT: (&str, &str) = ("IDENTITY_ENDPOINT", "http://169.254.129.5:8081/msi/token");
    const HEADER: (&str, &str) = ("IDENTITY_HEADER", "the-header");
    type Variables = &'static [(&'static str, &'static str)];
    let cases: [(Variables, &str, &str); 5] = [
        (
            &[("ENTRA_MCP_MANAGED_IDENTITY", "my-identity")],
            "--managed-identity",
            "not a GUID",
        ),
        (
            &[
                ("IDENTITY_ENDPOINT", "http://evil.example/msi/token"),
                HEADER,
            ],
            "IDENTITY_ENDPOINT",
            "own link",
        ),
        (
            &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://10.0.0.4")],
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            "own link",
        ),
        (
            &[ENDPOINT, HEADER, ("IDENTITY_SERVER_THUMBPRINT", "00")],
            "IDENTITY_SERVER_THUMBPRINT",
            "Service Fabric",
        ),
        (
            &[("MSI_ENDPOINT", "http://localhost:50342/oauth2/token")],
            "MSI_ENDPOINT",
            "Cloud Shell",
        ),
    ];
    for (more, setting, words) in cases {
        let error = super::message(&[], &with_identity(more));
        assert!(
            error.starts_with(setting) && error.contains(words),
            "{error}"
        );
        assert!(!error.contains("the-header"), "{error}");
    }
}

// The tables of Microsoft's national clouds.
#[test]
fn authority_host_selects_its_graph() {
    let clouds = [
        (
            "https://login.microsoftonline.com",
            "https://graph.microsoft.com/",
        ),
        (
            "https://login.microsoftonline.us/",
            "https://graph.microsoft.us/",
        ),
        ("login.microsoftonline.us", "https://graph.microsoft.us/"),
        (
            "https://login.partner.microsoftonline.cn",
            "https://microsoftgraph.chinacloudapi.cn/",
        ),
        (
            "https://login.chinacloudapi.cn",
            "https://microsoftgraph.chinacloudapi.cn/",
        ),
    ];
    for (authority, graph) in clouds {
        let config = config(&[], &real(&[("AZURE_AUTHORITY_HOST", authority)]));
        assert_eq!(config.entra.graph.as_str(), graph, "{authority}");
    }
}

// Entra writes `aud` in small letters; a client id is a GUID, and those are copied in any case.
#[test]
fn client_id_in_capitals_is_accepted() {
    let id = "00001111-AAAA-2222-BBBB-3333CCCC4444";
    let config = config(&[], &real(&[("AZURE_CLIENT_ID", id)]));
    assert_eq!(config.entra.client_id, id.to_ascii_lowercase());
}

// J5, Q2: whoever starts a stand-in by itself must not open it to others either.
#[test]
fn loopback_authority_needs_a_loopback_server() {
    let stand_in = real(&[("AZURE_AUTHORITY_HOST", "http://localhost:3002")]);
    let unchanged = config(&[], &stand_in);
    assert_eq!(unchanged.entra.graph.as_str(), "http://localhost:3002/");
    for arguments in [
        &["--public-url", "https://mcp.contoso.com"][..],
        &[
            "--listen",
            "0.0.0.0:1",
            "--public-url",
            "http://localhost:1",
        ],
    ] {
        let problem = AuthorityHostError::NotLocal;
        let error = error(arguments, &stand_in);
        assert_eq!(error, ConfigError::InvalidAuthorityHost { problem });
    }
}

// D24
#[test]
fn several_tenants_are_those_that_are_named() {
    use entra_mcp_core::config::Tenants;
    let id = "FAB41CA0-5d2e-4b8f-a1c6-d3e7e4a7000a";
    let tenants = |named: &'static str| {
        let given = real(&[
            ("AZURE_TENANT_ID", "organizations"),
            ("ENTRA_MCP_ALLOWED_TENANTS", named),
        ]);
        config(&[], &given).entra.tenants
    };
    let listed = Tenants::Listed([id.to_lowercase()].into());
    assert_eq!(tenants(id), listed);
    assert_eq!(tenants("any"), Tenants::AnyOrganization);
    assert_eq!(config(&[], &real(&[])).entra.tenants, Tenants::One);
    for (tenant, named) in [
        ("organizations", "contoso.com"),
        ("organizations", "any fab41ca0-5d2e-4b8f-a1c6-d3e7e4a7000a"),
        ("9122040d-6c67-4c5b-b112-36a304b66dad", id),
    ] {
        let given = real(&[
            ("AZURE_TENANT_ID", tenant),
            ("ENTRA_MCP_ALLOWED_TENANTS", named),
        ]);
        let error = error(&[], &given);
        assert!(
            matches!(error, ConfigError::Entra { .. }),
            "{tenant} {named}"
        );
    }
}

#[test]
fn end_of_a_client_secret_is_a_date_and_about_a_secret() {
    let setting = ("ENTRA_MCP_CLIENT_SECRET_EXPIRES", "2027-05-31");
    let ClientCredential::Secret(secret) = config(&[], &real(&[setting])).entra.credential else {
        panic!("it is a secret");
    };
    assert_eq!(secret.expires, UnixTime::of_date("2027-05-31"));
    let error_of = |settings: &[(&'static str, &'static str)]| error(&[], settings).to_string();
    let wrong = error_of(&real(&[("ENTRA_MCP_CLIENT_SECRET_EXPIRES", "31.5.2027")]));
    assert!(
        wrong.contains("it is not a date") && wrong.contains("2027-05-31"),
        "{wrong}"
    );
    let without: Vec<_> = real(&[setting, ("AZURE_FEDERATED_TOKEN_FILE", "/run/token")])
        .into_iter()
        .filter(|(name, _)| *name != "AZURE_CLIENT_SECRET")
        .collect();
    let idle = error_of(&without);
    assert!(idle.contains("only with a client secret"), "{idle}");
}
