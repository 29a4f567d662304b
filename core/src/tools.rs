//! The tools: each is declared as data and performed by a step machine.
//!
//! What a tool is called and says of itself are constants of the build (threats.md P6). Who it acts
//! for comes from the session token alone (P2), and what it returns is chosen, never passed through
//! (P5).

#[cfg(test)]
mod tests;
mod user_details;

use serde::Serialize;
use serde_json::{Map, Value, json};

use self::user_details::UserDetails;
use crate::{
    catalog::{Catalog, CatalogBuilder},
    event::Event,
    exchange::Cx,
    mcp::{Caller, Revision},
};

/// What this server offers by itself.
///
/// # Panics
///
/// Never: it is well formed, as a test shows.
#[must_use]
pub fn catalog() -> Catalog {
    offer(Catalog::builder())
        .build()
        .expect("the server's own catalog is well formed")
}

/// Adds what this server offers by itself to what else is offered.
#[must_use]
pub fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog.instructions("The tools of this server act as the signed-in Microsoft Entra ID user.")
}

/// The tools that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    UserDetails,
}

/// A tool, as it is told to clients.
#[derive(Debug)]
pub(crate) struct Declaration {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    /// The JSON Schema of the arguments.
    pub(crate) input_schema: fn() -> Value,
    /// The JSON Schema of the structured result.
    pub(crate) output_schema: fn() -> Value,
    /// It changes nothing.
    pub(crate) read_only: bool,
    /// It may reach what is not the person's own or their company's.
    pub(crate) open_world: bool,
    /// The scope that a session token must have.
    pub(crate) scope: &'static str,
}

/// What a tool answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ToolResult {
    /// For the model, as text.
    text: String,
    /// For programs, fitting the output schema.
    structured: Option<Value>,
    /// The tool could not do it; the text says why, in plain words.
    is_error: bool,
}

/// A call under way.
#[derive(Debug)]
pub(crate) enum Call {
    UserDetails(UserDetails),
}

/// How far a call is.
#[derive(Debug)]
pub(crate) enum Called {
    /// It goes on.
    Waiting(Box<Call>),
    /// This is the result.
    Done(ToolResult),
    /// The arguments do not fit the schema, in a revision where that is an error of the protocol.
    BadArguments(&'static str),
    /// The person must sign in again.
    SessionOver,
}

impl Tool {
    /// All of them, in the order in which they are listed.
    pub(crate) const ALL: [Self; 1] = [Self::UserDetails];

    /// The tool of this name, compared whole.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|tool| tool.declaration().name == name)
    }

    /// What it is.
    pub(crate) const fn declaration(self) -> &'static Declaration {
        match self {
            Self::UserDetails => &user_details::DECLARATION,
        }
    }

    /// Performs it as the caller.
    pub(crate) fn call(
        self,
        arguments: &Map<String, Value>,
        revision: Revision,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Called {
        match self {
            // It takes none.
            Self::UserDetails if !arguments.is_empty() => {
                bad_arguments(revision, "This tool takes no arguments.")
            }
            Self::UserDetails => UserDetails::start(caller, cx),
        }
    }
}

fn bad_arguments(revision: Revision, words: &'static str) -> Called {
    if revision.features().bad_arguments_are_tool_errors {
        Called::Done(ToolResult::error(words))
    } else {
        Called::BadArguments(words)
    }
}

impl Call {
    /// The next state after an event.
    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Called {
        match self {
            Self::UserDetails(state) => state.handle(event, cx),
        }
    }
}

impl Declaration {
    /// As clients are told, in the words that a revision has.
    pub(crate) fn to_json(&self, revision: Revision) -> Value {
        let features = revision.features();
        let mut tool = Map::new();
        let mut say = |name: &str, value| tool.insert(name.to_owned(), value);
        say("name", json!(self.name));
        if features.titles {
            say("title", json!(self.title));
        }
        say("description", json!(self.description));
        say("inputSchema", (self.input_schema)());
        if features.structured_content {
            say("outputSchema", (self.output_schema)());
        }
        if features.annotations {
            let annotations = json!({
                "title": self.title,
                "readOnlyHint": self.read_only,
                "destructiveHint": !self.read_only,
                "openWorldHint": self.open_world,
            });
            say("annotations", annotations);
        }
        Value::Object(tool)
    }
}

impl ToolResult {
    /// A result: the same as text and as data.
    fn of(result: &impl Serialize) -> Self {
        let structured = serde_json::to_value(result).expect("a result is plain data");
        Self {
            text: serde_json::to_string(result).expect("a result is plain data"),
            structured: Some(structured),
            is_error: false,
        }
    }

    /// An error of the tool's, in plain words for the model and the person.
    fn error(words: &str) -> Self {
        Self {
            text: words.to_owned(),
            structured: None,
            is_error: true,
        }
    }

    /// As it is sent, in the words that a revision has.
    pub(crate) fn to_json(&self, revision: Revision) -> Value {
        let mut result = json!({
            "content": [{"type": "text", "text": self.text}],
            "isError": self.is_error,
        });
        let structured = self.structured.as_ref();
        if let (true, Some(structured), Value::Object(members)) = (
            revision.features().structured_content,
            structured,
            &mut result,
        ) {
            members.insert("structuredContent".to_owned(), structured.clone());
        }
        result
    }
}
