//! Calls of every kind, performed by step functions and by the runtime, in every revision.

mod audience;
mod batches;
mod caching;
mod changes;
mod http_sse;
mod input;
mod listed;
mod matrix;
mod meta;
mod native;
mod offered;
mod replicas;
mod revocation;
mod streams;
mod told;

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    catalog::{
        Call, CallError, Catalog, CatalogBuilder, ChangeNotification, CompleteResult, Content,
        Effect, ElicitationSchema, FieldSchema, Handler, InputRequest, InputResponse, LogLevel,
        LogNotification, ProgressNotification, Prompt, PromptArgument, PromptMessages, ReadResult,
        Resource, ResourceContents, ResourceTemplate, Step, Tool, ToolResult,
    },
    id::ExchangeId,
    mcp::testing::{World, rpc},
    testing::json as body,
};

const OLD: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const NEW: &str = "2026-07-28";

/// Tells how far it is, logs, sleeps, and says what it was given.
fn slow(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::progress(0.0, Some(2.0))),
        1 => Step::effect(Effect::log(LogLevel::Debug, "half way")),
        2 => Step::effect(Effect::Sleep(Duration::from_secs(1))),
        3 => Step::effect(Effect::progress(2.0, Some(2.0))),
        _ => Step::done(format!("slept for {}", call.text("whom"))),
    }
}

/// Asks the user's name, then whether that is all.
fn ask(call: &Call) -> Step<ToolResult> {
    let Some(name) = call.answer("name") else {
        let form = ElicitationSchema::new().field("name", FieldSchema::text());
        return Step::effect(Effect::request_input(
            "name",
            InputRequest::form("Your name?", form),
        ));
    };
    if call.answer("sure").is_none() {
        let form = ElicitationSchema::new().field("ok", FieldSchema::boolean());
        return Step::effect(Effect::request_input(
            "sure",
            InputRequest::form("Is that all?", form),
        ));
    }
    let name = name.get("name").and_then(Value::as_str);
    Step::done(format!(
        "Hello, {}!",
        name.unwrap_or(call.answer("name").map_or("", |a| a.action()))
    ))
}

/// Asks once, and says what came of it.
fn page(call: &Call) -> Step<ToolResult> {
    let form = ElicitationSchema::new().field("name", FieldSchema::text());
    match call.answer("name") {
        None => Step::effect(Effect::request_input(
            "name",
            InputRequest::form("Your name?", form),
        )),
        Some(response) => Step::done(format!("{response:?}")),
    }
}

fn sample(call: &Call) -> Step<ToolResult> {
    match call.answer("poem") {
        None => Step::effect(Effect::request_input(
            "poem",
            InputRequest::sample("A poem, please.", 100),
        )),
        Some(answer) => Step::done(answer.sampled_text().unwrap_or("nothing")),
    }
}

/// Sends the client away before it answers.
fn away(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::CloseStream(Duration::from_millis(500))),
        1 => Step::effect(Effect::Sleep(Duration::from_secs(2))),
        _ => Step::done("welcome back"),
    }
}

fn change(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::NotifyChanged(ChangeNotification::Tools)),
        1 => Step::effect(Effect::NotifyChanged(ChangeNotification::Resource(
            "a://static".to_owned(),
        ))),
        _ => Step::done("changed"),
    }
}

fn endless(_: &Call) -> Step<ToolResult> {
    Step::effect(Effect::progress(0.0, None))
}

fn broken(_: &Call) -> Step<ToolResult> {
    Step::failed(CallError::Internal(
        "the disk is full of secrets".to_owned(),
    ))
}

fn misfit(_: &Call) -> Step<ToolResult> {
    Step::done(ToolResult::structured(&json!({"count": "many"})))
}

fn read(call: &Call) -> Step<ReadResult> {
    match call.text("id") {
        "gone" => Step::failed(CallError::NotFound),
        id => Step::done(vec![ResourceContents::text(
            call.name(),
            format!("id {id}"),
        )]),
    }
}

fn review(call: &Call) -> Step<PromptMessages> {
    Step::done(PromptMessages::new().user(format!("Review {}", call.text("code"))))
}

fn complete(call: &Call) -> Step<CompleteResult> {
    let begun = call.text("code");
    let all = (0..150).map(|number| format!("code{number:03}"));
    Step::done(all.filter(|one| one.starts_with(begun)).collect::<Vec<_>>())
}

fn text(name: &str, step: fn(&Call) -> Step<ToolResult>) -> (Tool, Handler<ToolResult>) {
    (Tool::new(name, "A tool of a test"), Handler::Step(step))
}

fn offer(mut catalog: CatalogBuilder) -> CatalogBuilder {
    let whom = json!({"type": "object", "properties": {"whom": {"type": "string"}},
        "required": ["whom"], "additionalProperties": false});
    for (tool, handler) in [
        (
            text("slow", slow).0.input_schema(whom),
            Handler::Step(slow as fn(&Call) -> _),
        ),
        text("ask", ask),
        text("page", page),
        text("sample", sample),
        text("away", away),
        text("change", change),
        text("endless", endless),
        text("broken", broken),
        (
            text("misfit", misfit)
                .0
                .output_schema(json!({"type": "object",
                "properties": {"count": {"type": "integer"}}})),
            Handler::Step(misfit),
        ),
        (Tool::new("native", "Of the runtime"), Handler::Runtime),
        (
            Tool::new("reports", "For some").requires_role("Reports.Read"),
            Handler::Runtime,
        ),
    ] {
        catalog = catalog.tool(tool, handler);
    }
    let code = PromptArgument::new("code").required();
    catalog
        .resource(Resource::new("a://static", "static"), Handler::Step(read))
        .template(
            ResourceTemplate::new("a://one/{id}", "one"),
            Handler::Step(read),
        )
        .prompt(
            Prompt::new("review", "Reviews").argument(code),
            Handler::Step(review),
        )
        .complete_prompt("review", Handler::Step(complete))
        .list_changed()
}

fn world() -> World {
    World::offering(offer(Catalog::builder()).build().unwrap())
}

/// A client of a revision.
struct Client {
    revision: &'static str,
    session: Option<String>,
    capabilities: Value,
    user: &'static str,
}

impl Client {
    fn new(world: &mut World, revision: &'static str, capabilities: Value) -> Self {
        Self::of("alice", world, revision, capabilities)
    }

    fn of(
        user: &'static str,
        world: &mut World,
        revision: &'static str,
        capabilities: Value,
    ) -> Self {
        let session =
            (revision != NEW).then(|| world.initialize_with(user, revision, &capabilities));
        Self {
            revision,
            session,
            capabilities,
            user,
        }
    }

    /// Begins a request and gives its exchange.
    fn begin(&self, world: &mut World, method: &str, params: Value) -> ExchangeId {
        let mut params = params;
        let named = ["name", "uri", "taskId"]
            .iter()
            .find_map(|name| params.get(name)?.as_str());
        let name = named.unwrap_or_default().to_owned();
        let mut fields = vec![("mcp-protocol-version", self.revision)];
        match &self.session {
            Some(session) => fields.push(("mcp-session-id", session.as_str())),
            None => {
                params["_meta"]["io.modelcontextprotocol/clientInfo"] =
                    json!({"name": "a test", "version": "1"});
                params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(NEW);
                params["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
                    self.capabilities.clone();
                fields.extend([("mcp-method", method), ("mcp-name", name.as_str())]);
            }
        }
        let json = rpc(1, method, &params);
        let request = world.request(self.user, "POST", "/mcp", &fields, &json);
        world.begin(request)
    }

    /// Posts a message that is no request.
    fn post(&self, world: &mut World, message: &Value) -> u16 {
        let session = self.session.clone().unwrap_or_default();
        let fields = [("mcp-session-id", session.as_str())];
        world
            .post(self.user, &fields, message.to_string())
            .status()
            .as_u16()
    }

    /// The whole answer of a request that is answered at once: result or error.
    fn ask(&self, world: &mut World, method: &str, params: Value) -> Value {
        let id = self.begin(world, method, params);
        answer(world, id)
    }

    fn call(&self, world: &mut World, tool: &str, params: Value) -> Value {
        let mut params = params;
        params["name"] = json!(tool);
        self.ask(world, "tools/call", params)
    }
}

/// The messages that an exchange has sent on its stream.
fn messages(world: &World, id: ExchangeId) -> Vec<Value> {
    let lines = world.sent(id).body.lines();
    let data = lines
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| !data.is_empty());
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// The answer of an exchange, as JSON or at the end of its stream.
fn answer(world: &World, id: ExchangeId) -> Value {
    let sent = world.sent(id);
    let answer: Value = match &sent.response {
        Some(response) => body(response),
        None => messages(world, id).pop().unwrap_or_default(),
    };
    match answer.get("result") {
        Some(result) => result.clone(),
        None => answer["error"].clone(),
    }
}
