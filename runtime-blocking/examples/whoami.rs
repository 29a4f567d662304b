//! Tools that act as the signed-in user: `cargo run -p entra-mcp-blocking --example whoami-blocking`.
//!
//! `whoami` tells what the session token says, `myMail` asks Microsoft Graph, `hasToken` has a token of
//! the user's for other services, and `introduceMe` asks the user.

use entra_mcp_blocking::{
    CallError, Context, ElicitResult, Json, LogLevel, Server, StartError, Tool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, JsonSchema)]
struct Whoami {
    tenant_id: String,
    oid: String,
    name: Option<String>,
    roles: Vec<String>,
    scopes: Vec<String>,
}

/// Asks nobody: all of it is in the session token.
fn whoami(cx: &Context, (): ()) -> Result<Json<Whoami>, CallError> {
    let principal = cx.principal().clone();
    Ok(Json(Whoami {
        tenant_id: principal.tenant_id,
        oid: principal.oid,
        name: principal.name,
        roles: principal.roles.iter().map(str::to_owned).collect(),
        scopes: principal.scopes,
    }))
}

#[derive(Deserialize)]
struct Me {
    mail: Option<String>,
}

/// Asks Graph as the user.
fn my_mail(cx: &Context, (): ()) -> Result<String, CallError> {
    cx.log(LogLevel::Info, "asking Microsoft Graph")?;
    let body = cx.graph("v1.0/me?$select=mail")?;
    let me: Me = serde_json::from_slice(&body).map_err(CallError::internal)?;
    Ok(me.mail.ok_or("You have no mailbox.")?)
}

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// Such as `https://graph.microsoft.com/User.Read`.
    scope: String,
}

/// Has a token of the user's, to ask another service of the company. It must not leave this server.
fn has_token(cx: &Context, wanted: Wanted) -> Result<String, CallError> {
    let token = cx.token(&wanted.scope)?;
    let characters = token.expose().len();
    Ok(format!("There is a token of {characters} characters."))
}

#[derive(Deserialize, JsonSchema)]
struct Introduction {
    /// What are you called?
    nickname: String,
    tone: Tone,
}

#[derive(Deserialize, JsonSchema)]
enum Tone {
    Formal,
    Friendly,
}

/// Asks the user; in 2026-07-28 it is run again once the answer is there.
fn introduce_me(cx: &Context, (): ()) -> Result<String, CallError> {
    let message = "How do you want to be introduced?";
    let name = cx.principal().name.clone().unwrap_or_default();
    Ok(match cx.elicit::<Introduction>("introduction", message)? {
        ElicitResult::Accepted(Introduction { nickname, tone }) => match tone {
            Tone::Formal => format!("This is {name}, also known as {nickname}."),
            Tone::Friendly => format!("Meet {nickname}!"),
        },
        _ => format!("This is {name}."),
    })
}

/// What is offered; the tests have it, too.
pub(crate) fn offer(server: Server) -> Server {
    let tool = |name, description| Tool::new(name, description).read_only();
    let whoami_tool = tool("whoami", "Tells who is signed in");
    let mail_tool = tool("myMail", "Tells the mail address of who is signed in");
    let token_tool = tool("hasToken", "Tells whether there is a token for a scope");
    let introduce_tool = tool("introduceMe", "Introduces who is signed in");
    server
        .tool(whoami_tool, whoami)
        .tool(mail_tool, my_mail)
        .tool(token_tool, has_token)
        .tool(introduce_tool, introduce_me)
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}
