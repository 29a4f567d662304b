//! Tickets of a help desk: state, a question to the user, app roles, resources, completion and a prompt:
//! `cargo run -p entra-mcp-smol --example tickets-smol`. The tests below use nothing but `testing`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entra_mcp_smol::{
    CallError, ChangeNotification, CompletionRequest, Context, ElicitResult, Json, Prompt,
    ResourceTemplate, Server, StartError, Tool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const TEMPLATE: &str = "tickets://ticket/{number}";
const ADMIN: &str = "Tickets.Admin";

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct Ticket {
    number: usize,
    title: String,
    urgent: bool,
    /// Whose it is: tenant and object id, for names change and repeat.
    #[serde(skip)]
    owner: (String, String),
}

#[derive(Default)]
struct Tickets(Mutex<BTreeMap<usize, Ticket>>);

impl Tickets {
    fn all(&self) -> MutexGuard<'_, BTreeMap<usize, Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tickets that a user may see: their own; an administrator, everybody's.
fn visible(cx: &Context) -> Result<Vec<Ticket>, CallError> {
    let user = cx.principal();
    let owner = (user.tenant_id.clone(), user.oid.clone());
    let all = cx.state::<Tickets>()?.all();
    let is_visible = |ticket: &&Ticket| ticket.owner == owner || user.roles.contains(ADMIN);
    Ok(all.values().filter(is_visible).cloned().collect())
}

#[derive(Deserialize, JsonSchema)]
struct New {
    /// One line.
    title: String,
}

#[derive(Deserialize, JsonSchema)]
struct Urgency {
    /// Can you not work until it is done?
    urgent: bool,
}

async fn open(cx: Context, new: New) -> Result<Json<Ticket>, CallError> {
    // Asked first: since 2026-07-28 the function runs again from its start with the answer.
    let asked = cx.elicit::<Urgency>("urgency", "How urgent is it?").await?;
    let ElicitResult::Accepted(Urgency { urgent }) = asked else {
        return Err("The user does not want the ticket.".into());
    };
    let user = cx.principal();
    let ticket = {
        let mut all = cx.state::<Tickets>()?.all();
        let ticket = Ticket {
            number: all.len() + 1,
            title: new.title,
            urgent,
            owner: (user.tenant_id.clone(), user.oid.clone()),
        };
        all.insert(ticket.number, ticket.clone());
        ticket
    };
    cx.notify_changed(ChangeNotification::Resources).await?;
    Ok(Json(ticket))
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Listed {
    tickets: Vec<Ticket>,
}

async fn list(cx: Context) -> Result<Json<Listed>, CallError> {
    let tickets = visible(&cx)?;
    Ok(Json(Listed { tickets }))
}

#[derive(Deserialize, JsonSchema)]
struct Numbered {
    number: String,
}

async fn read(cx: Context, wanted: Numbered) -> Result<String, CallError> {
    let mut tickets = visible(&cx)?.into_iter();
    let found = tickets.find(|ticket| ticket.number.to_string() == wanted.number);
    let ticket = found.ok_or(CallError::NotFound)?;
    let urgency = if ticket.urgent {
        "urgent"
    } else {
        "not urgent"
    };
    Ok(format!("{}: {} ({urgency})", ticket.number, ticket.title))
}

async fn numbers(cx: Context, begun: CompletionRequest) -> Result<Vec<String>, CallError> {
    let numbers = visible(&cx)?
        .into_iter()
        .map(|ticket| ticket.number.to_string());
    Ok(numbers
        .filter(|number| number.starts_with(&begun.value))
        .collect())
}

async fn triage(cx: Context, wanted: Numbered) -> Result<String, CallError> {
    let ticket = read(cx, wanted).await?;
    Ok(format!(
        "Who should see to this ticket first, and why?\n{ticket}"
    ))
}

async fn close_all(cx: Context) -> Result<String, CallError> {
    let closed = std::mem::take(&mut *cx.state::<Tickets>()?.all()).len();
    Ok(format!("{closed} tickets are closed."))
}

fn offer(server: Server) -> Server {
    let close = Tool::new("closeAll", "Closes everybody's tickets").destructive(true);
    let open_ticket = Tool::new("openTicket", "Opens a ticket").destructive(false);
    let list_tickets = Tool::new("listTickets", "Lists tickets").read_only();
    server
        .state(Tickets::default())
        .list_changed()
        .tool(open_ticket, open)
        .tool(list_tickets, list)
        .tool(close.requires_role(ADMIN), close_all)
        .template(ResourceTemplate::new(TEMPLATE, "ticket"), read)
        .complete_template(TEMPLATE, numbers)
        .prompt(Prompt::new("triage", "Asks who sees to a ticket"), triage)
        .complete_prompt("triage", numbers)
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}

#[cfg(test)]
mod tests {
    use entra_mcp_smol::{
        Config,
        testing::{REVISIONS, Script, SignIn},
    };
    use serde_json::json;

    use super::*;

    fn new() -> New {
        New {
            title: "No network".to_owned(),
        }
    }

    #[test]
    fn ticket_is_opened_once_the_user_has_said_how_urgent_it_is() {
        let script = Script::new().state(Tickets::default());
        let (cx, seen) = script
            .accepts("urgency", json!({"urgent": true}))
            .context::<Context>();
        let Json(ticket) = smol::block_on(open(cx.clone(), new())).unwrap();
        assert!(ticket.urgent);
        assert_eq!(seen.changes(), [ChangeNotification::Resources]);
        let number = "1".to_owned();
        let text = smol::block_on(read(cx, Numbered { number })).unwrap();
        assert_eq!(text, "1: No network (urgent)");
    }

    #[test]
    fn dismissed_question_opens_nothing() {
        let (cx, seen) = Script::new().state(Tickets::default()).context::<Context>();
        assert!(smol::block_on(open(cx.clone(), new())).is_err());
        assert_eq!(seen.questions().len(), 1);
        assert!(visible(&cx).unwrap().is_empty());
    }

    #[test]
    fn tickets_are_their_owners_and_the_administrators() {
        let owner = |name: &str| {
            let (cx, _) = Script::new().user(name, &[]).context::<Context>();
            let user = cx.principal();
            (user.tenant_id.clone(), user.oid.clone())
        };
        let tickets = || {
            let ticket = Ticket {
                number: 1,
                title: "No network".to_owned(),
                urgent: false,
                owner: owner("bob"),
            };
            Tickets(Mutex::new(BTreeMap::from([(1, ticket)])))
        };
        for (name, roles, seen) in [
            ("bob", &[][..], 1),
            ("alice", &[], 0),
            ("alice", &[ADMIN], 1),
        ] {
            let script = Script::new().user(name, roles).state(tickets());
            let (cx, _) = script.context::<Context>();
            let Json(listed) = smol::block_on(list(cx)).unwrap();
            assert_eq!(listed.tickets.len(), seen, "{name} {roles:?}");
        }
    }

    #[test]
    fn every_revision_asks_the_user_and_hides_what_is_for_administrators() {
        let folder = std::env::temp_dir().join(format!("tickets-smol-{}", std::process::id()));
        let config = Config::dev_tenant().data_folder(&folder);
        let running = offer(Server::new(config)).start().unwrap();
        for revision in REVISIONS {
            let sign_in = SignIn::new("alice").revision(revision);
            let alice = sign_in
                .accepts(&json!({"urgent": true}))
                .to(&running)
                .unwrap();
            let tools = alice.tools().unwrap();
            assert!(!tools.contains(&"closeAll".to_owned()), "{revision}");
            let opened = alice.call("openTicket", &json!({"title": "No network"}));
            let opened = opened.unwrap_or_else(|error| panic!("{revision}: {error}"));
            // Before 2025-06-18 no client could be asked.
            let is_asked = revision >= "2025-06-18";
            assert_eq!(alice.questions().len(), usize::from(is_asked), "{revision}");
            assert_eq!(opened.is_error(), !is_asked, "{revision}");
        }
        drop(running);
        std::fs::remove_dir_all(folder).ok();
    }
}
