//! A tool that uses crates of tokio.
//!
//! The server runs on smol, so a future of tokio needs tokio's context: `async_compat::Compat` around it gives that.

use std::time::Duration;

use async_compat::Compat;
use entra_mcp_smol::{CallError, Context, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the tool takes.
#[derive(Deserialize, JsonSchema)]
pub struct Page {
    /// The address of a page on this computer.
    pub url: String,
}

/// The tool, as it is listed.
#[must_use]
pub fn fetch_tool() -> Tool {
    Tool::new("fetchPage", "Fetches a page of this computer")
        .read_only()
        .timeout(Duration::from_secs(10))
}

/// Waits a moment and fetches a page.
///
/// # Errors
///
/// There is no answer: why.
pub async fn fetch(_cx: Context, page: Page) -> Result<String, CallError> {
    if !page.url.starts_with("http://127.0.0.1:") {
        return Err("Only pages of this computer are fetched.".into());
    }
    Compat::new(async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let response = reqwest::get(&page.url).await?;
        response.error_for_status()?.text().await
    })
    .await
    .map_err(|error: reqwest::Error| CallError::Message(error.to_string()))
}
