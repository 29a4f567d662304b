//! The mail of who calls, by Microsoft Graph: `cargo run -p entra-mcp-smol --example mailbox-smol`.
//!
//! Both tools need a scope besides `user.read`, for which clients have their user sign in when they first call one. The tests
//! below use nothing but `testing`.

use entra_mcp_smol::{
    CallError, Context, GraphRequest, Json, ScopeDefinition, Server, StartError, Tool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many messages a page of Graph's has, and how many a model is given.
const PAGE: usize = 25;
const MOST: usize = 100;

#[derive(Deserialize, JsonSchema)]
struct Search {
    /// Words that the message has.
    text: Option<String>,
    /// 25 if it is left out, 100 at most.
    limit: Option<usize>,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Heads {
    messages: Vec<Head>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Head {
    id: String,
    subject: String,
}

async fn list_mail(cx: Context, search: Search) -> Result<Json<Heads>, CallError> {
    let limit = search.limit.unwrap_or(PAGE).min(MOST);
    let mut request = GraphRequest::get(["v1.0", "me", "messages"])
        .query("$select", "id,subject")
        .query("$top", PAGE.min(limit));
    if let Some(text) = search.text {
        request = request.query("$search", format!("\"{}\"", text.replace('"', " ")));
    }
    let (mut messages, mut next) = (Vec::new(), Some(request));
    while let Some(request) = next.filter(|_| messages.len() < limit) {
        let page = cx.graph_page(request).await?;
        for message in page.value {
            messages.push(serde_json::from_value(message).map_err(CallError::internal)?);
        }
        next = page.next;
    }
    messages.truncate(limit);
    Ok(Json(Heads { messages }))
}

#[derive(Deserialize, JsonSchema)]
struct Message {
    /// As `listMail` gave it.
    id: String,
}

async fn read_mail(cx: Context, message: Message) -> Result<String, CallError> {
    let request = GraphRequest::get(["v1.0", "me", "messages", &message.id])
        .query("$select", "body")
        .header("Prefer", "outlook.body-content-type=\"text\"");
    match cx.graph_send(request).await {
        Ok(found) => {
            let message: Value = found.json()?;
            let text = message.pointer("/body/content").and_then(Value::as_str);
            Ok(text.unwrap_or_default().to_owned())
        }
        Err(error) if error.status == Some(404) => {
            Err("There is no such message any more: list them again.".into())
        }
        Err(error) => Err(error.into()),
    }
}

fn offer(server: Server) -> Server {
    let tool = |name, description| {
        let tool = Tool::new(name, description).read_only().open_world(false);
        tool.requires_scope("mail.read")
    };
    server
        .scope(ScopeDefinition {
            name: "mail.read".to_owned(),
            permission: "Mail.Read".to_owned(),
            description: "Read your mail.".to_owned(),
        })
        .tool(tool("listMail", "Lists the newest messages"), list_mail)
        .tool(tool("readMail", "Reads a message"), read_mail)
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entra_mcp_smol::{
        Config, GraphError, Method,
        testing::{Script, SignIn},
    };
    use serde_json::json;

    use super::*;

    const FIRST: &str = "v1.0/me/messages?$select=id%2Csubject&$top=25";
    const SECOND: &str = "https://graph.example/v1.0/me/messages?$skip=25";

    fn listed(script: Script, limit: usize) -> Result<Heads, CallError> {
        let (cx, _) = script.context::<Context>();
        let search = Search {
            text: None,
            limit: Some(limit),
        };
        smol::block_on(list_mail(cx, search)).map(|Json(heads)| heads)
    }

    #[test]
    fn pages_are_read_until_there_are_enough() {
        let page = |id: &str| json!([{"id": id, "subject": "Lunch"}]);
        let script = || {
            let first = json!({"value": page("1"), "@odata.nextLink": SECOND});
            Script::new()
                .graph(FIRST, &first)
                .graph(SECOND, &json!({"value": page("2")}))
        };
        assert_eq!(listed(script(), 50).unwrap().messages.len(), 2);
        let (cx, seen) = Script::new().context::<Context>();
        let none = Search {
            text: Some("a \"b\"".to_owned()),
            limit: Some(1),
        };
        assert!(smol::block_on(list_mail(cx, none)).is_err());
        assert!(seen.graph()[0].ends_with("$top=1&$search=%22a%20%20b%20%22"));
    }

    #[test]
    fn throttling_is_told_with_its_time() {
        let error = GraphError::new(429, "TooManyRequests", "");
        let error = error.with_retry_after(Duration::from_secs(7));
        let script = Script::new().graph_answers(Method::GET, FIRST, Err(error));
        let CallError::Message(told) = listed(script, 50).unwrap_err() else {
            panic!("the model is told");
        };
        assert!(told.contains("7 seconds"), "{told}");
    }

    #[test]
    fn message_that_is_gone_is_told_in_words() {
        let path = "v1.0/me/messages/a%2F1?$select=body";
        let script = Script::new().graph_refuses(path, 404, "ErrorItemNotFound", "Not found.");
        let (cx, seen) = script.context::<Context>();
        let id = "a/1".to_owned();
        let told = smol::block_on(read_mail(cx, Message { id })).unwrap_err();
        assert!(matches!(told, CallError::Message(told) if told.contains("list them again")));
        let asked = seen.graph_requests();
        let prefer = &asked[0].headers()["prefer"];
        assert_eq!(prefer, "outlook.body-content-type=\"text\"");
    }

    #[test]
    fn client_signs_in_for_more_and_only_then_the_tool_is_called() {
        let folder = std::env::temp_dir().join(format!("mailbox-smol-{}", std::process::id()));
        let config = Config::dev_tenant().data_folder(&folder);
        let running = offer(Server::new(config)).start().unwrap();
        let alice = SignIn::new("alice").to(&running).unwrap();
        let refused = alice.call("listMail", &json!({})).unwrap_err();
        let scope = refused.needs_scope.unwrap();
        assert_eq!(scope, "user.read mail.read");
        let alice = SignIn::new("alice").scope(&scope).to(&running).unwrap();
        let listed = alice.call("listMail", &json!({})).unwrap();
        assert!(!listed.is_error(), "{}", listed.text());
        drop(running);
        std::fs::remove_dir_all(folder).ok();
    }
}
