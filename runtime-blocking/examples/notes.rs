//! Notes, each user's own: a tool, resources, completion and a prompt that share state:
//! `cargo run -p entra-mcp-blocking --example notes-blocking`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// Clones are the same notes.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeMap<Key, String>>>);

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

impl Notes {
    fn write(&self, cx: &Context, note: Note) -> Result<String, CallError> {
        if !note.title.chars().all(char::is_alphanumeric) {
            return Err("A title is one word.".into());
        }
        self.all().insert(key(cx, &note.title), note.text);
        let uri = TEMPLATE.replace("{title}", &note.title);
        // How many there are is everybody's business, what is written is not.
        cx.notify_changed(ChangeNotification::Resource(COUNT.to_owned()))?;
        Ok(format!("The note is now {uri}."))
    }

    fn read(&self, cx: &Context, note: Titled) -> Result<String, CallError> {
        let found = self.all().get(&key(cx, &note.title)).cloned();
        found.ok_or(CallError::NotFound)
    }

    fn review(&self, cx: &Context, note: Titled) -> Result<String, CallError> {
        let text = self.read(cx, note)?;
        Ok(format!("Please review this note:\n{text}"))
    }

    fn titles(
        &self,
        cx: &Context,
        has_started: CompletionRequest,
    ) -> Result<Vec<String>, CallError> {
        let (tenant_id, oid, _) = key(cx, "");
        let all = self.all();
        let own = all
            .keys()
            .filter(|key| (&key.0, &key.1) == (&tenant_id, &oid));
        let titles = own.map(|(_, _, title)| title.clone());
        Ok(titles
            .filter(|title| title.starts_with(&has_started.value))
            .collect())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(cx: &Context, title: &str) -> Key {
    let user = cx.principal();
    (user.tenant_id.clone(), user.oid.clone(), title.to_owned())
}

fn main() -> Result<(), StartError> {
    let notes = Notes::default();
    let [write, read, count, review, titles, others] = std::array::from_fn(|_| notes.clone());
    Server::from_env()?
        .list_changed()
        .tool(
            Tool::new("writeNote", "Writes a note")
                .destructive(true)
                .idempotent(),
            move |cx: &Context, note: Note| write.write(cx, note),
        )
        .template(
            ResourceTemplate::new(TEMPLATE, "note").mime_type("text/plain"),
            move |cx: &Context, note: Titled| read.read(cx, note),
        )
        .resource(Resource::new(COUNT, "count"), move |_cx: &Context| {
            Ok(count.all().len().to_string())
        })
        .complete_template(
            TEMPLATE,
            move |cx: &Context, has_started: CompletionRequest| titles.titles(cx, has_started),
        )
        .prompt(
            Prompt::new("review", "Asks for a review of a note"),
            move |cx: &Context, note: Titled| review.review(cx, note),
        )
        .complete_prompt(
            "review",
            move |cx: &Context, has_started: CompletionRequest| others.titles(cx, has_started),
        )
        .run()
}
