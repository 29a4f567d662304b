//! What is printed once the server listens: what to do next.

use entra_mcp_core::{
    catalog::Catalog,
    client_setup,
    config::{AssertionPlace, Backend, BackendShare, Config, Gateway},
};

/// What to do next, as text for the terminal. The front page shows the same.
pub(crate) fn startup_banner(config: &Config, catalog: &Catalog) -> String {
    let mut text = format!("\n{} is ready.\n\n", catalog.title());
    let mut gateways = String::new();
    for endpoint in config.public_url.endpoints() {
        let [mcp, sse] = config.public_url.resources_of(endpoint);
        text.push_str(&format!("  MCP address          {mcp}\n"));
        match config.gateway_at(endpoint) {
            Some(gateway) => gateways.push_str(&gateway_banner(gateway, config)),
            None => text.push_str(&format!("  Legacy SSE address   {sse}\n")),
        }
    }
    let page = config.public_url.issuer();
    text.push_str(&format!("  This, as a page      {page}/\n{gateways}"));
    for instructions in client_setup::clients(&config.public_url, catalog.name()) {
        text.push_str(&format!(
            "\n{}: {}\n  {}\n",
            instructions.client, instructions.where_to_add, instructions.snippet
        ));
    }
    let callback = config.public_url.join("/auth/callback");
    #[cfg(feature = "dev-tenant")]
    if config.dev_tenant.is_some() {
        return text + &dev_tenant::banner(config, &callback);
    }
    text.push_str(&format!(
        "\nSign-in is with the tenant {} at {}\nThe application needs the web redirect URI {callback}\n",
        config.entra.tenant, config.entra.authority_host
    ));
    text
}

/// Whose tools these are, and how that server knows who calls.
fn gateway_banner(gateway: &Gateway, config: &Config) -> String {
    let mut text = format!("\n  Tools of             {}\n", gateway.shown());
    let identity = &gateway.identity;
    let Backend::Http(address) = &gateway.backend else {
        let share = gateway.command().map(|command| command.share);
        text.push_str(match share.unwrap_or_default() {
            BackendShare::Session => {
                "  It runs as a process of its own for each session of a client.\n"
            }
            BackendShare::User => "  It runs as a process of its own for each user.\n",
            BackendShare::All => {
                "  It runs as one process for all users, which has to know them apart.\n"
            }
        });
        if identity.tells() && share != Some(BackendShare::All) {
            text.push_str(
                "  Its environment says who the user is: ENTRA_MCP_USER_OID and others.\n",
            );
        }
        if identity.assertion.is_some() {
            text.push_str(&format!(
                "  So does a JWT in _meta[\"entra-mcp/assertion\"] of each request: ES256, keys at {}, audience {}.\n",
                config.public_url.join("/jwks.json"),
                gateway.audience
            ));
        }
        return text;
    };
    if let Some(header) = &gateway.header {
        text.push_str(&format!(
            "  The header {} goes with each request, the same for all users.\n",
            header.name()
        ));
    }
    if !identity.tells() {
        text.push_str("  That server is not told who calls.\n");
        return text;
    }
    if let Some(place) = identity.assertion {
        let header = match place {
            AssertionPlace::Own => "Entra-MCP-Assertion",
            AssertionPlace::Bearer => "Authorization",
        };
        text.push_str(&format!(
            "  It is told who calls by a JWT in the header {header}: ES256, keys at {},\n  issuer {}, audience {}.\n",
            config.public_url.join("/jwks.json"),
            config.public_url.issuer(),
            gateway.audience
        ));
    }
    if let Some(scopes) = &identity.entra {
        text.push_str(&format!(
            "  It gets the user's access token of Entra ID for {scopes}, and may act as them elsewhere.\n"
        ));
    }
    for (is_sent, headers) in [
        (identity.easy_auth, "X-MS-CLIENT-PRINCIPAL and its like"),
        (identity.forwarded, "X-Forwarded-User and its like"),
    ] {
        if is_sent {
            text.push_str(&format!(
                "  It is told who calls by {headers}: whoever reaches its port can be anybody there.\n"
            ));
        }
    }
    if identity.assertion.is_some() && !address.is_local() {
        text.push_str(
            "  Others than this server may reach it: have it verify that JWT, or anybody can be anybody there.\n",
        );
    }
    text
}

#[cfg(feature = "dev-tenant")]
mod dev_tenant {
    use entra_mcp_core::{client_setup, config::Config};
    use entra_mcp_dev_tenant::{TENANT_ID, TestUser, USERS};

    /// What the development tenant is, and how to leave it.
    pub(super) fn banner(config: &Config, callback: &str) -> String {
        let settings = client_setup::REAL_TENANT.join("\n  ");
        format!(
            "\nDEVELOPMENT TENANT at {} - not Microsoft Entra ID. Its users are made up and\n\
             anybody can sign in as any of them. Never use it for anything real.\n{}\n\
             To use your own tenant, register an application with the web redirect URI\n  \
             {callback}\nand start again with\n  {settings}\n",
            config.entra.authority_host,
            users()
        )
    }

    /// Who can sign in, and how it goes.
    fn users() -> String {
        let line = |user: &TestUser| format!("  {:<26}{}\n", user.username, user.note);
        let is_here = |user: &&TestUser| user.tenant == TENANT_ID;
        USERS.iter().filter(is_here).map(line).collect()
    }
}
