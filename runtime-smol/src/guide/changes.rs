//! # What comes and goes
//!
//! [`Server::handle`](crate::Server::handle) gives a [`Handle`](crate::Handle), by which tools, resources, templates and prompts are added and
//! removed while the server runs, from any thread. What is added is judged as at the start; if it is wrong, the error says why, and
//! nothing has changed. Calls under way go on with what was offered when they began. Clients that listen are told of the change
//! in the way of their revision, if the server has [`list_changed`](crate::Server::list_changed).
//!
//! [`Server::list_resources`](crate::Server::list_resources) lists resources for who calls: each user their own, page by page. What is listed
//! is no secret that protects itself: a client may ask for any URI, so **the function that reads decides who may read what**.
//!
//! ```
//! use entra_mcp_smol::{
//!     CallError, ChangeNotification, Config, Context, Resource, ResourcePage, Server, Tool, testing::SignIn,
//! };
//! use serde_json::json;
//!
//! async fn list(cx: Context, _from: Option<String>) -> Result<ResourcePage, CallError> {
//!     let oid = &cx.principal().oid;
//!     Ok(ResourcePage::new([Resource::new(format!("inbox://{oid}"), "inbox")]))
//! }
//!
//! async fn read(cx: Context) -> Result<String, CallError> {
//!     match cx.name().strip_prefix("inbox://") == Some(&cx.principal().oid) {
//!         true => Ok("No new mail.".to_owned()),
//!         false => Err(CallError::NotFound),
//!     }
//! }
//!
//! let server = Server::new(Config::in_memory());
//! let server = server.list_changed().list_resources(list, read);
//! let handle = server.handle();
//! let running = server.start().unwrap();
//! let alice = SignIn::new("alice").to(&running).unwrap();
//!
//! let greet = Tool::new("greet", "Greets the client");
//! handle
//!     .add_tool(greet, |cx: Context| async move { Ok(format!("Hello, {}!", cx.client().id)) })
//!     .unwrap();
//! assert!(alice.call("greet", &json!({})).unwrap().text().starts_with("Hello, "));
//! assert!(handle.remove_tool("greet"));
//! assert!(alice.call("greet", &json!({})).is_err());
//!
//! let page = alice.request("resources/list", json!({})).unwrap();
//! let uri = page["resources"][0]["uri"].as_str().unwrap().to_owned();
//! assert!(alice.request("resources/read", json!({"uri": uri})).is_ok());
//! assert!(alice.request("resources/read", json!({"uri": "inbox://somebody"})).is_err());
//!
//! // Those clients of one user that listen are told, and no others:
//! let user = ("11111111-1111-1111-1111-111111111111", uri.trim_start_matches("inbox://"));
//! handle.notify_user(user.0, user.1, ChangeNotification::Resource(uri.clone()));
//! running.stop();
//! running.wait().unwrap();
//! ```
//!
//! [`Context::client`](crate::Context::client) says through which client a call comes. What a client says of itself proves nothing; `id`
//! and `verified_by` are what the server knows.
