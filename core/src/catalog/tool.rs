//! Tools, as they are listed for clients, and who may call them.
//!
//! Source: MCP specification 2025-11-25, server/tools; the tasks extension for [`TaskSupport`].

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    annotations::{Icon, put_icons},
    audience::{Audience, audience_methods},
    meta::{Meta, meta_method},
};
use crate::{limits, revision::Revision};

/// A tool that a model may call.
///
/// ```
/// use entra_mcp_core::catalog::Tool;
/// use serde_json::json;
/// let add = Tool::new("add", "Adds two numbers")
///     .input_schema(json!({
///         "type": "object",
///         "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
///         "required": ["a", "b"],
///     }))
///     .read_only()
///     .requires_scope("user.read");
/// assert_eq!(add.name(), "add");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    name: String,
    title: Option<String>,
    description: String,
    input_schema: Value,
    has_input_schema: bool,
    output_schema: Option<Value>,
    hints: Hints,
    icons: Vec<Icon>,
    audience: Audience,
    tasks: TaskSupport,
    task_times: TaskTimes,
    nonportable_schemas: bool,
    timeout: Option<Duration>,
    authentication_context: Option<String>,
    meta: Meta,
}

/// What a tool says of its effects; `None` is not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hints {
    read_only: Option<bool>,
    destructive: Option<bool>,
    idempotent: Option<bool>,
    open_world: Option<bool>,
}

/// Whether a call may go on as a task after its request was answered (`io.modelcontextprotocol/tasks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskSupport {
    /// It is always answered at once.
    #[default]
    Never,
    /// It becomes a task for clients that know tasks.
    Optional,
    /// Only clients that know tasks can call it.
    Required,
}

/// What clients are told of the tasks of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskTimes {
    /// For how long they are kept, from their beginning.
    pub(crate) ttl: Duration,
    /// How often clients should ask.
    pub(crate) poll_interval: Duration,
}

impl Default for TaskTimes {
    fn default() -> Self {
        Self {
            ttl: limits::TASK_TTL,
            poll_interval: Duration::from_secs(1),
        }
    }
}

impl Tool {
    /// A tool of this name and description, without arguments, for everybody who signed in.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: description.into(),
            input_schema: json!({"type": "object", "properties": {}, "additionalProperties": false}),
            has_input_schema: false,
            output_schema: None,
            hints: Hints::default(),
            icons: Vec::new(),
            audience: Audience::default(),
            tasks: TaskSupport::Never,
            task_times: TaskTimes::default(),
            nonportable_schemas: false,
            timeout: None,
            authentication_context: None,
            meta: Meta::default(),
        }
    }

    /// A name for people; since 2025-06-18.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The JSON Schema (2020-12) of the arguments: of type `object`.
    #[must_use]
    pub fn input_schema(mut self, schema: Value) -> Self {
        self.input_schema = schema;
        self.has_input_schema = true;
        self
    }

    /// The JSON Schema (2020-12) of the structured result; since 2025-06-18. Before 2026-07-28 only one of
    /// type `object` is sent.
    #[must_use]
    pub fn output_schema(mut self, schema: Value) -> Self {
        self.output_schema = Some(schema);
        self
    }

    /// Publishes its schemas although some clients and model providers refuse the whole list for them:
    /// a union at the top, a reference, a boolean schema, a format that JSON Schema does not have.
    #[must_use]
    pub fn allow_nonportable_schemas(mut self) -> Self {
        self.nonportable_schemas = true;
        self
    }

    /// It changes nothing.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.hints.read_only = Some(true);
        self.hints.destructive = Some(false);
        self
    }

    /// It changes something, and whether that may destroy what was there.
    #[must_use]
    pub fn destructive(mut self, destructive: bool) -> Self {
        self.hints.read_only = Some(false);
        self.hints.destructive = Some(destructive);
        self
    }

    /// Invocation it twice is as calling it once.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.hints.idempotent = Some(true);
        self
    }

    /// Whether it reaches what is not the user's own or their company's.
    #[must_use]
    pub fn open_world(mut self, open_world: bool) -> Self {
        self.hints.open_world = Some(open_world);
        self
    }

    /// A picture for it; call it once for each.
    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icons.push(icon);
        self
    }

    audience_methods!(audience);

    /// The user must have satisfied this authentication context of Conditional Access, such as `c1`, in the last hour. Who has
    /// not gets a link to do so at Entra, and the session goes on. What the context asks for is the tenant's.
    #[must_use]
    pub fn requires_authentication_context(mut self, id: impl Into<String>) -> Self {
        self.authentication_context = Some(id.into());
        self
    }

    /// Whether calls may become tasks; 2026-07-28 only.
    #[must_use]
    pub fn tasks(mut self, tasks: TaskSupport) -> Self {
        self.tasks = tasks;
        self
    }

    /// For how long its tasks and their results are kept, from their beginning: an hour at the most, which is usual.
    #[must_use]
    pub fn task_ttl(mut self, ttl: Duration) -> Self {
        self.task_times.ttl = ttl.min(limits::TASK_TTL);
        self
    }

    /// How often clients should ask how far its tasks are: each second, unless this says so.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.task_times.poll_interval = interval;
        self
    }

    /// A call that takes longer fails and is cancelled. No call takes longer than the server's own limit: ten minutes, or fifty for
    /// a task, unless `--call-timeout` and `--task-timeout` say something else.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    meta_method!(meta, "since 2025-06-18");

    /// Returns the name that clients call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The scopes that it needs.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.audience.scopes()
    }

    /// Returns whether it says what its arguments are; a new tool takes none.
    #[must_use]
    pub fn has_input_schema(&self) -> bool {
        self.has_input_schema
    }

    /// Whether it says what it returns.
    #[must_use]
    pub fn has_output_schema(&self) -> bool {
        self.output_schema.is_some()
    }

    pub(crate) fn allows_nonportable_schemas(&self) -> bool {
        self.nonportable_schemas
    }

    pub(crate) fn input(&self) -> &Value {
        &self.input_schema
    }

    pub(crate) fn output(&self) -> Option<&Value> {
        self.output_schema.as_ref()
    }

    pub(crate) fn authentication_context(&self) -> Option<&str> {
        self.authentication_context.as_deref()
    }

    pub(crate) fn time_limit(&self) -> Option<Duration> {
        self.timeout
    }

    pub(crate) fn icons(&self) -> &[Icon] {
        &self.icons
    }

    pub(crate) fn task_times(&self) -> TaskTimes {
        self.task_times
    }

    pub(crate) fn task_support(&self) -> TaskSupport {
        self.tasks
    }

    /// As clients see it, with the members that a revision has.
    pub(crate) fn to_json(&self, revision: Revision) -> Map<String, Value> {
        let features = revision.features();
        let mut tool = Map::new();
        tool.insert("name".to_owned(), json!(self.name));
        if let (Some(title), true) = (&self.title, features.titles) {
            tool.insert("title".to_owned(), json!(title));
        }
        tool.insert("description".to_owned(), json!(self.description));
        tool.insert("inputSchema".to_owned(), self.input_schema.clone());
        let is_object = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "object");
        if let (Some(schema), true) = (&self.output_schema, features.structured_content)
            && (features.stateless || is_object(schema))
        {
            tool.insert("outputSchema".to_owned(), schema.clone());
        }
        if features.annotations {
            let annotations = self.hints.to_json(self.title.as_deref());
            if !annotations.is_empty() {
                tool.insert("annotations".to_owned(), Value::Object(annotations));
            }
        }
        put_icons(&self.icons, &mut tool, revision);
        self.meta.put_since(&mut tool, revision);
        tool
    }
}

impl Hints {
    fn to_json(self, title: Option<&str>) -> Map<String, Value> {
        let mut hints = Map::new();
        if let Some(title) = title {
            hints.insert("title".to_owned(), json!(title));
        }
        for (name, hint) in [
            ("readOnlyHint", self.read_only),
            ("destructiveHint", self.destructive),
            ("idempotentHint", self.idempotent),
            ("openWorldHint", self.open_world),
        ] {
            if let Some(hint) = hint {
                hints.insert(name.to_owned(), json!(hint));
            }
        }
        hints
    }
}
