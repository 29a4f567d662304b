//! Tools that not everybody may call: `cargo run -p entra-mcp-smol --example guarded-smol`.
//!
//! `readMail` needs a scope besides `user.read`: a client that was not granted it is told so, signs in for
//! more, and goes on in the same session. `readReports` is for those with the app role `Reports.Read`:
//! nobody else sees it. `approvePayment` wants an authentication context of Conditional Access: its user gets a link, confirms
//! the sign-in there, and the next call runs, in the same session.

use entra_mcp_smol::{Context, ScopeDefinition, Server, StartError, Tool};

/// What is offered; the tests have it, too.
pub(crate) fn offer(server: Server) -> Server {
    let mail = ScopeDefinition {
        name: "mail.read".to_owned(),
        permission: "Mail.Read".to_owned(),
        description: "Read your mail.".to_owned(),
    };
    let read_mail = Tool::new("readMail", "Tells whether mail can be read").read_only();
    let read_reports = Tool::new("readReports", "Tells what the reports say").read_only();
    let approve = Tool::new("approvePayment", "Approves a payment");
    server
        .scope(mail)
        .tool(
            read_mail
                .requires_scope("user.read")
                .requires_scope("mail.read"),
            |cx: Context, (): ()| async move {
                // With this token the mail of the user can be asked for.
                let _token = cx.token("https://graph.microsoft.com/Mail.Read").await?;
                Ok("Mail can be read.")
            },
        )
        .tool(
            read_reports.requires_role("Reports.Read"),
            |cx: Context, (): ()| async move {
                Ok(format!(
                    "The reports say that you are {}.",
                    cx.principal().oid
                ))
            },
        )
        .tool(
            approve.requires_authentication_context("c1"),
            |_: Context, (): ()| async move { Ok("The payment is approved.") },
        )
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}
