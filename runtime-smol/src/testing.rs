//! Contexts for tests of your own functions, without a server, a client, Entra or the network.
//!
//! ```
//! use entra_mcp_smol::{CallError, Context, ElicitResult, LogLevel, testing::Script};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//! use serde_json::{Value, json};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Confirm {
//!     sure: bool,
//! }
//!
//! async fn delete_mail(cx: Context, id: String) -> Result<String, CallError> {
//!     if !cx.principal().roles.contains("Mail.Admin") {
//!         return Err("Only administrators delete mail.".into());
//!     }
//!     let body = cx.graph(&format!("v1.0/me/messages/{id}")).await?;
//!     let mail: Value = serde_json::from_slice(&body).map_err(CallError::internal)?;
//!     let subject = mail["subject"].as_str().unwrap_or_default().to_owned();
//!     match cx.elicit::<Confirm>("confirm", "Delete it?").await? {
//!         ElicitResult::Accepted(Confirm { sure: true }) => {
//!             cx.log(LogLevel::Info, "deleted").await?;
//!             Ok(format!("{subject} is gone."))
//!         }
//!         _ => Ok("Nothing was deleted.".to_owned()),
//!     }
//! }
//!
//! let script = || {
//!     Script::new()
//!         .user("adele", &["Mail.Admin"])
//!         .graph("v1.0/me/messages/7", &json!({"subject": "Lunch"}))
//! };
//! let (cx, seen) = script().accepts("confirm", json!({"sure": true})).context::<Context>();
//! assert_eq!(smol::block_on(delete_mail(cx, "7".to_owned())).unwrap(), "Lunch is gone.");
//! assert_eq!(seen.graph(), ["v1.0/me/messages/7"]);
//! assert_eq!(seen.log().len(), 1);
//!
//! // A question without an answer is dismissed.
//! let (cx, seen) = script().context::<Context>();
//! assert_eq!(smol::block_on(delete_mail(cx, "7".to_owned())).unwrap(), "Nothing was deleted.");
//! assert_eq!(seen.questions().len(), 1);
//!
//! let (cx, _) = Script::new().context::<Context>();
//! assert!(smol::block_on(delete_mail(cx, "7".to_owned())).is_err());
//! ```

pub use entra_mcp_runtime::testing::{
    CallResult, Client, ClientError, Listening, REVISIONS, Script, Seen, SignIn,
};
