//! What is printed once the server listens: what to do next.

use entra_mcp_core::{client_setup, config::Config};

/// What to do next, as text for the terminal. The front page shows the same.
pub(crate) fn startup_banner(config: &Config) -> String {
    let [mcp, sse] = config.public_url.resources();
    let mut text = format!(
        "\nentra-mcp is ready.\n\n  MCP address          {mcp}\n  Legacy SSE address   {sse}\n  \
         This, as a page      {}/\n",
        config.public_url.issuer()
    );
    for instructions in client_setup::clients(&config.public_url) {
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

#[cfg(feature = "dev-tenant")]
mod dev_tenant {
    use entra_mcp_core::{client_setup, config::Config};
    use entra_mcp_dev_tenant::{TestUser, USERS};

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
        USERS.iter().map(line).collect()
    }
}
