//! What is printed once the server listens: what to do next.

use super::Config;
use crate::pages::instructions;

impl Config {
    /// What to do next, as text for the terminal. The front page shows the same.
    #[must_use]
    pub fn startup_banner(&self) -> String {
        let [mcp, sse] = self.public_url.resources();
        let mut text = format!(
            "\nentra-mcp is ready.\n\n  MCP address          {mcp}\n  Legacy SSE address   {sse}\n  \
             This, as a page      {}/\n",
            self.public_url.issuer()
        );
        for told in instructions::clients(&self.public_url) {
            text.push_str(&format!(
                "\n{}: {}\n  {}\n",
                told.client, told.add, told.paste
            ));
        }
        let callback = self.public_url.join("/auth/callback");
        let settings = instructions::REAL_TENANT.join("\n  ");
        if self.dev_tenant.is_some() {
            text.push_str(&format!(
                "\nDEVELOPMENT TENANT at {} - not Microsoft Entra ID. Its people are made up and\n\
                 anybody can sign in as any of them. Never use it for anything real.\n{}\n\
                 To use your own tenant, register an application with the web redirect URI\n  \
                 {callback}\nand start again with\n  {settings}\n",
                self.entra.authority_host,
                people()
            ));
        } else {
            text.push_str(&format!(
                "\nSign-in is with the tenant {} at {}\nThe application needs the web redirect URI \
                 {callback}\n",
                self.entra.tenant, self.entra.authority_host
            ));
        }
        text
    }
}

/// Who can sign in, and how it goes.
#[cfg(feature = "dev-tenant")]
fn people() -> String {
    let line = |person: &crate::dev_tenant::Person| {
        let note = person.note;
        format!("  {:<26}{note}\n", person.username)
    };
    crate::dev_tenant::PEOPLE.iter().map(line).collect()
}

#[cfg(not(feature = "dev-tenant"))]
fn people() -> String {
    String::new()
}
