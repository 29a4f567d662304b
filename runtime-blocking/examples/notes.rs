//! Notes, each user's own: a tool, resources, completion and a prompt that share state:
//! `cargo run -p entra-mcp-blocking --example notes-blocking`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entra_mcp_blocking::{
    CallError, ChangeNotification, CompletionRequest, Context, Prompt, Resource, ResourceTemplate,
    Server, StartError, Tool,
};
use schemars::JsonSchema;
use serde::Deserialize;

const TEMPLATE: &str = "notes://mine/{title}";
const COUNT: &str = "notes://count";

/// Whose note, and its title. A user is a tenant and an object id in it: names change and repeat.
type Key = (String, String, String);

#[derive(Default)]
struct Notes(Mutex<BTreeMap<Key, String>>);

impl Notes {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize, JsonSchema)]
struct Note {
    /// One word.
    title: String,
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Titled {
    title: String,
}

fn key(cx: &Context, title: &str) -> Key {
    let user = cx.principal();
    (user.tenant_id.clone(), user.oid.clone(), title.to_owned())
}

fn write(cx: &Context, note: Note) -> Result<String, CallError> {
    if !note.title.chars().all(char::is_alphanumeric) {
        return Err("A title is one word.".into());
    }
    let notes = cx.state::<Notes>()?;
    notes.all().insert(key(cx, &note.title), note.text);
    let uri = TEMPLATE.replace("{title}", &note.title);
    // How many there are is everybody's business, what is written is not.
    cx.notify_changed(ChangeNotification::Resource(COUNT.to_owned()))?;
    Ok(format!("The note is now {uri}."))
}

fn read(cx: &Context, note: Titled) -> Result<String, CallError> {
    let notes = cx.state::<Notes>()?;
    let found = notes.all().get(&key(cx, &note.title)).cloned();
    found.ok_or(CallError::NotFound)
}

fn count(cx: &Context) -> Result<String, CallError> {
    Ok(cx.state::<Notes>()?.all().len().to_string())
}

fn review(cx: &Context, note: Titled) -> Result<String, CallError> {
    let text = read(cx, note)?;
    Ok(format!("Please review this note:\n{text}"))
}

fn titles(cx: &Context, begun: CompletionRequest) -> Result<Vec<String>, CallError> {
    let (tenant_id, oid, _) = key(cx, "");
    let all = cx.state::<Notes>()?.all();
    let own = all
        .keys()
        .filter(|key| (&key.0, &key.1) == (&tenant_id, &oid));
    let titles = own.map(|(_, _, title)| title.clone());
    Ok(titles
        .filter(|title| title.starts_with(&begun.value))
        .collect())
}

/// What is offered; the tests have it, too.
pub(crate) fn offer(server: Server) -> Server {
    let write_note = Tool::new("writeNote", "Writes a note")
        .destructive(true)
        .idempotent();
    let note = ResourceTemplate::new(TEMPLATE, "note").mime_type("text/plain");
    server
        .state(Notes::default())
        .list_changed()
        .tool(write_note, write)
        .template(note, read)
        .resource(Resource::new(COUNT, "count"), count)
        .complete_template(TEMPLATE, titles)
        .prompt(Prompt::new("review", "Asks for a review of a note"), review)
        .complete_prompt("review", titles)
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}
