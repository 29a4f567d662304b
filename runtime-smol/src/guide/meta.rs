//! # `_meta`
//!
//! Extensions of MCP say what they have to say in `_meta`, by keys such as `com.example/color`. Whatever your program gives a client has a method
//! `meta` where the schema has a place for it; a client whose revision has none does not get it.
//!
//! | of | is set by | in revisions |
//! | --- | --- | --- |
//! | tools, resources, templates, prompts | `meta` of [`Tool`](crate::Tool), [`Resource`](crate::Resource), [`ResourceTemplate`](crate::ResourceTemplate), [`Prompt`](crate::Prompt) | since 2025-06-18 |
//! | content, contents of resources | `meta` of [`Content`](crate::Content), [`ResourceContents`](crate::ResourceContents) | since 2025-06-18 |
//! | results of functions | `meta` of [`ToolResult`](crate::ToolResult), [`ReadResult`](crate::ReadResult), [`PromptMessages`](crate::PromptMessages), [`CompleteResult`](crate::CompleteResult), [`ResourcePage`](crate::ResourcePage) | all |
//! | progress, lines of the log | `meta` of [`ProgressNotification`](crate::ProgressNotification), [`LogNotification`](crate::LogNotification) | since 2025-11-25 |
//! | questions | [`InputRequest::meta`](crate::InputRequest::meta) | 2025-11-25; for roots all |
//! | a result that asks | [`InputRequest::result_meta`](crate::InputRequest::result_meta) | 2026-07-28 |
//! | the server itself, its lists | [`Server::meta`](crate::Server::meta), [`Server::list_meta`](crate::Server::list_meta) | all |
//!
//! What a client says is read by [`Context::meta`](crate::Context::meta), of the request, and
//! [`Context::answer_meta`](crate::Context::answer_meta), of its answer to a question. It proves nothing.
//!
//! Nobody sets or reads it where no function of yours is asked: of changes (those of one thing are joined, whoever announces them), of
//! cancellations, of the state of tasks, and of what clients ask or notify of beside calls.
//!
//! ```
//! use entra_mcp_smol::{
//!     CallError, Config, Context, InputRequest, List, ProgressNotification, Server, Tool, ToolResult, testing::SignIn,
//! };
//! use serde_json::json;
//!
//! async fn greet(cx: Context) -> Result<ToolResult, CallError> {
//!     cx.request_input("roots", InputRequest::roots()).await?;
//!     let half = ProgressNotification::new(1.0, 2.0);
//!     cx.notify_progress(half.meta("com.example/page", 7)).await?;
//!     let said = json!([cx.meta(), cx.answer_meta("roots")]);
//!     Ok(ToolResult::from("Hello").meta("com.example/said", said))
//! }
//!
//! let running = Server::new(Config::in_memory())
//!     .meta("com.example/region", "eu")
//!     .list_meta(List::Tools, "com.example/count", 2)
//!     .tool(Tool::new("greet", "Greets").meta("com.example/color", "red"), greet)
//!     .start()
//!     .unwrap();
//! let discovered = SignIn::new("alice").revision("2026-07-28").to(&running).unwrap();
//! let discovered = discovered.request("server/discover", json!({})).unwrap();
//! assert_eq!(discovered["_meta"]["com.example/region"], "eu");
//!
//! for revision in ["2025-06-18", "2025-11-25"] {
//!     let answer = json!({"roots": [], "_meta": {"com.example/b": 2}});
//!     let alice = SignIn::new("alice").revision(revision).replies(answer).to(&running).unwrap();
//!     let listed = alice.request("tools/list", json!({})).unwrap();
//!     assert_eq!(listed["_meta"]["com.example/count"], 2);
//!     let call = json!({"name": "greet", "_meta": {"progressToken": 1, "com.example/a": 1}});
//!     let greeted = alice.request("tools/call", call).unwrap();
//!     let said = json!([{"com.example/a": 1}, {"com.example/b": 2}]);
//!     assert_eq!(greeted["_meta"]["com.example/said"], said);
//!     // Only the newer of these two has a place for it.
//!     let told = &alice.notifications()[0]["params"];
//!     assert_eq!(told.get("_meta").is_some(), revision == "2025-11-25");
//! }
//! ```
