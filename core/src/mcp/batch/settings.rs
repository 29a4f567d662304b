//! The request of a batch that changes a setting of its MCP session.

use serde_json::Map;

use super::{BatchCx, Current, RequestBatch};
use crate::{
    hub::SettingChange,
    json_rpc::{Error, Request},
    mcp::{
        invocation::OverAt,
        session_settings::{NotSet, SettingProgress},
    },
    step::Progress,
};

impl RequestBatch {
    /// Takes what a step leaves. Requests after it find what it has changed.
    ///
    /// # Errors
    ///
    /// The request, if the user must sign in again.
    pub(super) fn on_setting(
        &mut self,
        request: Request,
        progress: SettingProgress,
        bcx: &mut BatchCx<'_, '_>,
    ) -> Result<(), OverAt> {
        let result = match progress {
            Progress::Pending(setting) => {
                self.current = Some((request, Current::Setting(Box::new(setting))));
                return Ok(());
            }
            Progress::Ready(Err(NotSet::SessionOver)) => return Err((request, None)),
            Progress::Ready(result) => result,
        };
        self.client.has_set = true;
        if let Ok(SettingChange::Level(level)) = result {
            self.client.level = Some(level);
        }
        let result: Result<_, Error> = result.map(|_| Map::new()).map_err(NotSet::to_error);
        self.respond(request, result, bcx);
        Ok(())
    }
}
