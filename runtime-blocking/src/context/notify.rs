//! What a call notifies its client of.
//!
//! Source: MCP specification 2025-11-25, basic/utilities (progress), server/utilities (logging).

use entra_mcp_core::catalog::{
    ChangeNotification, Effect, LogLevel, LogNotification, ProgressNotification,
};
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
        let notification = ProgressNotification::new(progress, total);
        self.notify_progress(notification)
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
        let notification = ProgressNotification::new(progress, total);
        self.notify_progress(notification.message(message))
    }

    /// Tells how far the call is with all that the protocol has for it, such as `_meta`.
    ///
    /// ```
    /// use entra_mcp_blocking::{CallError, Context, ProgressNotification, testing::Script};
    ///
    /// fn read(cx: &Context, (): ()) -> Result<&'static str, CallError> {
    ///     let half = ProgressNotification::new(1.0, 2.0).message("half way");
    ///     cx.notify_progress(half.meta("com.example/page", 7))?;
    ///     Ok("read")
    /// }
    ///
    /// let (cx, seen) = Script::new().context::<Context>();
    /// read(&cx, ()).unwrap();
    /// assert_eq!(seen.progress_notifications()[0].meta_members()["com.example/page"], 7);
    /// ```
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn notify_progress(&self, notification: ProgressNotification) -> Result<(), Interrupted> {
        self.effect(Effect::Progress(notification)).map(drop)
    }

    /// Sends the client a line of the log, if it wants lines of that level. Never log a secret so.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn log(&self, level: LogLevel, line: impl Into<Value>) -> Result<(), Interrupted> {
        self.notify_log(LogNotification::new(level, line))
    }

    /// Sends a line of the log with all that the protocol has for it, such as `_meta`.
    ///
    /// # Errors
    ///
    /// The call is over.
    pub fn notify_log(&self, notification: LogNotification) -> Result<(), Interrupted> {
        self.effect(Effect::Log(notification)).map(drop)
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
