//! A guide for tools of your own, page by page. All code in it is compiled by the tests of this crate, and run unless it would serve
//! until the process is ended; the blocking runtime has the same names, with ordinary functions that take `&Context`.
//!
//! What it needs in `Cargo.toml`, until the crates are published:
//!
//! ```toml
//! [dependencies]
//! entra-mcp-smol = { path = "../entra-mcp/runtime-smol" }
//! schemars = "1"
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! 1. [`first_tool`]: a function, its arguments, its result
//! 2. [`state`]: values that functions share
//! 3. [`errors`]: what the model, the client and the operator are told
//! 4. [`questions`]: asking the user in the middle of a call
//! 5. [`long_calls`]: progress, time, cancellation, tasks, work that blocks
//! 6. [`who_calls`]: users, roles, scopes, Graph and tokens
//! 7. [`around`]: what is done at each call: limits, records, traces
//! 8. [`resources`]: resources, templates and prompts
//! 9. [`changes`]: what comes and goes while the server runs, and lists for who calls
//! 10. [`tests`]: functions without a server
//! 11. [`embedding`]: a server inside of another program
//! 12. [`tokio`]: crates that need tokio
//! 13. [`deployment`]: from a program to a service, and what it does to its process
//! 14. [`limits`]: what is bounded, and how to set it
//! 15. [`meta`]: what extensions of MCP say, of whatever is sent

/// # A first tool
///
/// A tool is an async function of a context and its arguments. The arguments are a type: its schema is the tool's input schema, and
/// the comments of its fields are what the model reads. Arguments that do not fit never reach the function.
///
/// The result is text, a number, content, or [`Json`](crate::Json) of a type, which is data for programs and brings the tool's output
/// schema.
///
/// ```
/// use entra_mcp_smol::{CallError, Context, Json, testing::Script};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Rectangle {
///     /// In metres.
///     width: f64,
///     /// In metres.
///     height: f64,
/// }
///
/// #[derive(Debug, PartialEq, Serialize, JsonSchema)]
/// struct Area {
///     square_metres: f64,
/// }
///
/// async fn area(_cx: Context, of: Rectangle) -> Result<Json<Area>, CallError> {
///     Ok(Json(Area { square_metres: of.width * of.height }))
/// }
///
/// let (cx, _) = Script::new().context::<Context>();
/// let Json(found) = smol::block_on(area(cx, Rectangle { width: 2.0, height: 3.0 })).unwrap();
/// assert_eq!(found, Area { square_metres: 6.0 });
/// ```
///
/// The server offers it:
///
/// ```no_run
/// # use entra_mcp_smol::{CallError, Context, Server, StartError, Tool};
/// # async fn area(_cx: Context, (): ()) -> Result<f64, CallError> { Ok(6.0) }
/// fn main() -> Result<(), StartError> {
///     let tool = Tool::new("area", "Computes the area of a rectangle").read_only();
///     Server::from_env()?.tool(tool, area).run()
/// }
/// ```
///
/// [`read_only()`](crate::Tool::read_only), [`destructive(false)`](crate::Tool::destructive) and
/// [`idempotent()`](crate::Tool::idempotent) tell clients whether to ask their user before a call. A tool that says nothing of it is taken for one that
/// may destroy.
///
/// Text of your own and data beside it, for people and for programs, are a [`ToolResult`](crate::ToolResult):
///
/// ```
/// use entra_mcp_smol::ToolResult;
/// use serde_json::json;
///
/// let result = ToolResult::from("Six square metres.").with_data(&json!({"square_metres": 6.0}));
/// assert_eq!(result.text(), "Six square metres.");
/// ```
pub mod first_tool {}

/// # State
///
/// [`Server::state`](crate::Server::state) gives the server a value of your own, such as a pool of connections;
/// [`Context::state`](crate::Context::state) has it by its type. Functions run side by side, so what changes stands behind a lock.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use entra_mcp_smol::{CallError, Context, testing::Script};
///
/// #[derive(Default)]
/// struct Visits(AtomicU64);
///
/// async fn visit(cx: Context) -> Result<u64, CallError> {
///     let visits = cx.state::<Visits>()?;
///     Ok(visits.0.fetch_add(1, Ordering::Relaxed) + 1)
/// }
///
/// let (cx, _) = Script::new().state(Visits::default()).context::<Context>();
/// assert_eq!(smol::block_on(visit(cx.clone())).unwrap(), 1);
/// assert_eq!(smol::block_on(visit(cx)).unwrap(), 2);
/// ```
///
/// What belongs to one user is kept by `tenant_id` and `oid` of [`Principal`](crate::Principal), never by a name: names change and repeat.
pub mod state {}

/// # Errors
///
/// `?` on text, or `Err("..".into())`, is a message that the model reads and can act on. [`CallError::internal`](crate::CallError::internal)
/// is nobody's business but yours: it goes to the log, and the client learns that the call failed and its request id.
///
/// ```
/// use entra_mcp_smol::{CallError, Context, ToolResult, testing::Script};
/// use serde_json::json;
///
/// async fn divide(_cx: Context, (dividend, divisor): (i64, i64)) -> Result<i64, CallError> {
///     Ok(dividend.checked_div(divisor).ok_or("Try another divisor.")?)
/// }
///
/// async fn read(_cx: Context, path: &str) -> Result<String, CallError> {
///     std::fs::read_to_string(path).map_err(CallError::internal)
/// }
///
/// let context = || Script::new().context::<Context>().0;
/// let refused = smol::block_on(divide(context(), (1, 0))).unwrap_err();
/// assert_eq!(refused, CallError::Message("Try another divisor.".to_owned()));
/// let fault = smol::block_on(read(context(), "/no/such/file")).unwrap_err();
/// assert!(matches!(fault, CallError::Internal(_)));
///
/// // An error with details for programs:
/// let full = ToolResult::error("The folder is full.").with_data(&json!({"limit": 500}));
/// assert!(full.is_error());
/// ```
///
/// A panic is one failed call; the server goes on.
pub mod errors {}

/// # Questions to the user
///
/// [`Context::elicit`](crate::Context::elicit) asks for a form that is made of a type's fields. Before revision 2026-07-28 the function waits at that
/// line; since then it ends there, and is run again from its start when the answer has come. So **ask first, and change things
/// afterwards**, and it works for both.
///
/// ```
/// use entra_mcp_smol::{CallError, Context, ElicitResult, testing::Script};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use serde_json::json;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Leave {
///     /// How many days?
///     days: u8,
/// }
///
/// async fn request_leave(cx: Context) -> Result<String, CallError> {
///     match cx.elicit::<Leave>("leave", "How long will you be away?").await? {
///         ElicitResult::Accepted(leave) => Ok(format!("{} days it is.", leave.days)),
///         _ => Ok("You stay, then.".to_owned()),
///     }
/// }
///
/// let (cx, seen) = Script::new().accepts("leave", json!({"days": 3})).context::<Context>();
/// assert_eq!(smol::block_on(request_leave(cx)).unwrap(), "3 days it is.");
/// assert_eq!(seen.questions().len(), 1);
/// ```
///
/// Never ask for a password so: the client and its model see what is filled in. A web page of your own, to which
/// [`InputRequest::url`](crate::InputRequest::url) sends the user, is the way for that.
pub mod questions {}

/// # Calls that take long
///
/// Report progress: clients that want it show it, and keep waiting. When the client cancels, the future is dropped at its next `await`.
/// [`Tool::timeout`](crate::Tool::timeout) bounds a call; ten minutes are the most, unless the operator says otherwise with
/// `--call-timeout`. [`Tool::tasks`](crate::Tool::tasks) lets a call go on after its
/// request was answered, for up to fifty minutes (`--task-timeout`), where the client knows tasks. The message of the last progress is what the
/// client then sees of it; [`Tool::task_ttl`](crate::Tool::task_ttl) and [`Tool::poll_interval`](crate::Tool::poll_interval) say how long a result is
/// kept, and how often to ask.
///
/// The executor has as many threads as there are cores: what computes or blocks belongs on a thread of its own, by
/// [`unblock`](crate::unblock), else it holds up everybody else.
///
/// ```
/// use std::time::Duration;
///
/// use entra_mcp_smol::{CallError, Context, TaskSupport, Tool, testing::Script, unblock};
///
/// async fn count_lines(cx: Context, paths: Vec<String>) -> Result<usize, CallError> {
///     let total = paths.len() as f64;
///     let mut lines = 0;
///     for (done, path) in paths.into_iter().enumerate() {
///         cx.progress(done as f64, total).await?;
///         let text = unblock(move || std::fs::read_to_string(path)).await;
///         lines += text.map_err(CallError::internal)?.lines().count();
///     }
///     Ok(lines)
/// }
///
/// let tool = Tool::new("countLines", "Counts lines")
///     .timeout(Duration::from_secs(60))
///     .tasks(TaskSupport::Optional);
/// # let _ = tool;
///
/// let (cx, seen) = Script::new().context::<Context>();
/// let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").to_owned();
/// let counted = smol::block_on(count_lines(cx, vec![manifest.clone(), manifest]));
/// assert!(counted.unwrap() > 2);
/// assert_eq!(seen.progress().len(), 2);
/// ```
pub mod long_calls {}

/// # Who calls, and what they may
///
/// The session token alone says who calls: [`Context::principal`](crate::Context::principal). A tool can need an app role or a group, without which it is
/// not there, and scopes, for which the client is sent to sign in for more ([`Tool::requires_role`](crate::Tool::requires_role),
/// [`requires_group`](crate::Tool::requires_group), [`requires_scope`](crate::Tool::requires_scope)). Resources, templates and prompts
/// have the same methods.
///
/// [`Context::graph_send`](crate::Context::graph_send) asks Microsoft Graph as the user: any method, headers that Graph knows, a body. What Graph
/// refuses is a [`GraphError`](crate::GraphError) with its status and code; with `?` the model is told. [`Context::graph_page`](crate::Context::graph_page)
/// reads a list page by page, [`GraphRequest::follow_link`](crate::GraphRequest::follow_link) gets the content of a file, and
/// [`Context::graph_stream`](crate::Context::graph_stream) reads it piece by piece, whatever its size.
/// [`Context::token`](crate::Context::token) gives a token of the user's for an API of your own, if the session was granted a scope that
/// stands for the permission: a [`ScopeDefinition`](crate::ScopeDefinition) with `api://orders/Orders.Read`, which the tool requires. It is kept until it
/// ends. It must not leave the server: neither in a result, nor in a log line.
///
/// ```
/// use entra_mcp_smol::{CallError, Context, GraphRequest, ScopeDefinition, Tool, testing::Script};
/// use serde_json::json;
///
/// async fn subjects(cx: Context) -> Result<String, CallError> {
///     let messages = GraphRequest::get(["v1.0", "me", "messages"]);
///     let page = cx.graph_page(messages.query("$top", 5)).await?;
///     let subjects: Vec<_> = page.value.iter().filter_map(|mail| mail["subject"].as_str()).collect();
///     Ok(subjects.join("\n"))
/// }
///
/// async fn subject(cx: Context, id: &str) -> Result<Option<String>, CallError> {
///     match cx.graph_send(GraphRequest::get(["v1.0", "me", "messages", id])).await {
///         Ok(found) => found.json::<serde_json::Value>().map(|mail| Some(mail["subject"].to_string())),
///         Err(error) if error.status == Some(404) => Ok(None),
///         Err(error) => Err(error.into()),
///     }
/// }
///
/// async fn lines(cx: Context, id: &str) -> Result<usize, CallError> {
///     let content = GraphRequest::get(["v1.0", "me", "drive", "items", id, "content"]);
///     let mut content = cx.graph_stream(content.follow_link()).await?;
///     let mut lines = 0;
///     while let Some(piece) = content.next().await? {
///         lines += piece.iter().filter(|byte| **byte == b'\n').count();
///     }
///     Ok(lines)
/// }
///
/// // Offered by the server, asked for when it is first needed:
/// let mail = ScopeDefinition {
///     name: "mail.read".to_owned(),
///     permission: "Mail.Read".to_owned(),
///     description: "Read your mail.".to_owned(),
/// };
/// let tool = Tool::new("subjects", "Lists mail").read_only().requires_scope("mail.read");
/// # let _ = (mail, tool);
///
/// let answer = json!({"value": [{"subject": "Lunch"}, {"subject": "Report"}]});
/// let script = Script::new()
///     .graph("v1.0/me/messages?$top=5", &answer)
///     .graph("v1.0/me/drive/items/1/content", &json!("of one line"))
///     .graph_refuses("v1.0/me/messages/7", 404, "ErrorItemNotFound", "The object was not found.");
/// let (cx, _) = script.context::<Context>();
/// assert_eq!(smol::block_on(subjects(cx.clone())).unwrap(), "Lunch\nReport");
/// assert_eq!(smol::block_on(lines(cx.clone(), "1")).unwrap(), 0);
/// assert_eq!(smol::block_on(subject(cx, "7")).unwrap(), None);
/// ```
pub mod who_calls {}

/// # Around each call
///
/// [`Server::around`](crate::Server::around) puts a function around the calls of all tools, resources, prompts and completions that are
/// functions of the program. It may refuse a call, measure it, and change its result; a panic in a tool is an error there. Of several the first is
/// the outermost.
///
/// ```
/// use std::{collections::BTreeMap, sync::Mutex};
///
/// use entra_mcp_smol::{CallError, Context, InvokeOutput, Next, testing::Script};
///
/// /// How many calls each user has left.
/// #[derive(Default)]
/// struct Calls(Mutex<BTreeMap<String, u32>>);
///
/// async fn limited(cx: Context, next: Next) -> Result<InvokeOutput, CallError> {
///     let user = cx.principal().oid.clone();
///     let number = {
///         let mut calls = cx.state::<Calls>()?.0.lock().map_err(|error| error.to_string())?;
///         let number = calls.entry(user).or_default();
///         *number += 1;
///         *number
///     };
///     if number > 2 {
///         return Err("That was the last call of today.".into());
///     }
///     next.run(cx).await
/// }
///
/// // The server gets it with `.state(Calls::default()).around(limited)`.
/// let (cx, _) = Script::new().state(Calls::default()).context::<Context>();
/// let call = || {
///     let done = Ok(InvokeOutput::Tool("done".into()));
///     smol::block_on(limited(cx.clone(), Next::returning(done)))
/// };
/// assert!(call().is_ok() && call().is_ok());
/// assert!(call().is_err());
/// ```
///
/// The server has a line of its log for each call of a tool, `tool.called`: the user and the client as pseudonyms, the tool, how it ended, how long it took and
/// the request id. `--audit-log` says more of who it was.
///
/// A subscriber of `tracing` gets a span around each function, of the target `entra_mcp::call`: with the method and the name of what is called, the request id,
/// the outcome, and the `traceparent` of the trace that the caller is in ([`Context::traceparent`](crate::Context::traceparent)), which
/// `tracing-opentelemetry` can take for its parent.
pub mod around {}

pub mod resources;

pub mod changes;

/// # Tests
///
/// [`testing::Script`](crate::testing::Script) makes a context: it says who calls and what Graph, the user and Entra answer, and
/// [`Seen`](crate::testing::Seen) tells what the function did. No server, no network, no waiting; see [`testing`](crate::testing).
///
/// To try the whole, start a server in memory ([`Config::in_memory`](crate::Config::in_memory)), with the development tenant behind it, and sign in with
/// [`testing::SignIn`](crate::testing::SignIn): its client speaks every revision of MCP, and answers what the server asks. It is the same
/// server, but for the sockets and the file of its sessions.
///
/// ```
/// use entra_mcp_smol::{Config, Context, Server, Tool, testing::SignIn};
/// use serde_json::json;
///
/// let running = Server::new(Config::in_memory())
///     .tool(Tool::new("ping", "Answers"), |_cx: Context| async { Ok("pong") })
///     .start()
///     .unwrap();
/// let alice = SignIn::new("alice").revision("2026-07-28").to(&running).unwrap();
/// assert_eq!(alice.call("ping", &json!({})).unwrap().text(), "pong");
/// ```
///
/// People, roles, groups and what Graph answers come from a file: [`Config::dev_tenant_file`](crate::Config::dev_tenant_file). `core/docs/development-tenant.md`
/// describes it, and how the tenant is told to fail while it runs.
pub mod tests {}

pub mod embedding;

/// # Crates of tokio
///
/// Functions run on smol. A future of tokio, such as one of `reqwest`, panics outside of tokio; `async_compat::Compat` around it gives it what it needs:
///
/// ```ignore
/// let text = Compat::new(async { reqwest::get(url).await?.text().await }).await?;
/// ```
///
/// The folder `embedding` of this crate is a program that does so, and that runs axum beside the server.
pub mod tokio {}

pub mod deployment;

pub mod limits;

pub mod meta;
