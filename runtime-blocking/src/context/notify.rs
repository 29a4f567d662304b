//! What a call notifies its client of.
//!
//! Source: MCP specification 2025-11-25, basic/utilities (progress), server/utilities (logging).

use entra_mcp_core::catalog::{ChangeNotification, Effect, LogLevel};
use entra_mcp_runtime::handlers::Interrupted;
use serde_json::Value;

use super::Context;

impl Context {
    /// Tells the client how far the call is, if it wants to know. `progress` grows; `total` is what it
    /// will be in the end, if that is known.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn progress(
        &self,
        progress: f64,
        total: impl Into<Option<f64>>,
    ) -> Result<(), Interrupted> {
        let effect = Effect::progress(progress, total.into());
        self.effect(effect).map(drop)
    }

    /// The same, with a message.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn progress_with_message(
        &self,
        progress: f64,
        total: impl Into<Option<f64>>,
        message: impl Into<String>,
    ) -> Result<(), Interrupted> {
        let effect = Effect::Progress {
            progress,
            total: total.into(),
            message: Some(message.into()),
        };
        self.effect(effect).map(drop)
    }

    /// Sends the client a line of the log, if it wants lines of that level. Never log a secret so.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn log(&self, level: LogLevel, line: impl Into<Value>) -> Result<(), Interrupted> {
        let effect = Effect::Log(level, line.into());
        self.effect(effect).map(drop)
    }

    /// Tells clients that listen for it that something changed. Whoever listens is told, so announce
    /// nothing that is one user's own.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn notify_changed(&self, change: ChangeNotification) -> Result<(), Interrupted> {
        self.effect(Effect::NotifyChanged(change)).map(drop)
    }
}
