//! Which documents of clients are used.

use entra_mcp_core::config::{ClientDocuments, DocumentSource};

use super::*;

// H7: whoever reaches the server could have it connect to what listens on its own machine.
#[test]
fn loopback_documents_need_the_development_tenant() {
    let loopback = ["--client-documents", "loopback"];
    let source = config(&loopback, &[]).client_documents.source;
    assert_eq!(source, DocumentSource::ThisComputer);
    let Err(errors) = parse(&loopback, &real(&[])) else {
        panic!("strangers may reach the server");
    };
    assert_eq!(errors, [ConfigError::LoopbackClientDocuments]);
    assert_eq!(
        error(&["--client-documents", "anywhere"], &[]),
        ConfigError::UnknownClientDocuments
    );
    for (value, source) in [
        ("off", DocumentSource::Nowhere),
        ("pinned", DocumentSource::Pinned),
        ("public", DocumentSource::PublicInternet),
    ] {
        let config = config(&["--client-documents", value], &[]);
        assert_eq!(config.client_documents.source, source);
    }
    assert_eq!(
        config(&[], &real(&[])).client_documents,
        ClientDocuments::default()
    );
}

#[test]
fn pinned_client_is_a_url_with_redirect_uris_or_one_to_take_away() {
    let vscode = "https://vscode.dev/oauth/client-metadata.json";
    let text = format!("https://app.example/c https://app.example/cb; {vscode}");
    let expected = ClientDocuments::default().with("https://app.example/c https://app.example/cb");
    let expected = expected.unwrap().with(vscode).unwrap();
    let variables = [("ENTRA_MCP_PINNED_CLIENTS", text.as_str())];
    assert_eq!(config(&[], &variables).client_documents, expected);
    let flags = [
        "--pinned-client",
        "https://app.example/c https://app.example/cb",
        "--pinned-client",
        vscode,
    ];
    assert_eq!(config(&flags, &[]).client_documents, expected);
    for wrong in [
        "https://app.example/c",
        "app.example/c https://app.example/cb",
    ] {
        assert_eq!(
            error(&["--pinned-client", wrong], &[]),
            ConfigError::InvalidPinnedClient
        );
    }
}
