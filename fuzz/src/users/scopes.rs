//! A client that lacks a scope (MCP, authorization: step-up authorization flow): its user signs in for what the challenge names, and
//! then the call goes through.

use super::SimUser;
use crate::client::ClientError;

impl SimUser {
    /// Calls what takes a scope, widens that of the client if need be, and calls again.
    pub(super) async fn widen_scope(&mut self) -> Result<(), ClientError> {
        if self.world.options(|options| options.backend.is_none()) {
            return Ok(());
        }
        let Some(named) = self.client.lacks_scope().await? else {
            return Ok(());
        };
        let name = self.client.peer.name().to_owned();
        self.world.note(&name, &format!("= signs in for {named:?}"));
        let held = self.client.granted();
        let asked_before = self.client.scope.replace(named);
        let signed_in = self.sign_in().await;
        // Many clients forget with the tokens what they were for.
        if self.world.choose(|choice| choice.chance(500)) {
            self.client.scope = asked_before;
        }
        signed_in?;
        if self.world.choose(|choice| choice.chance(500)) {
            self.client.connect().await?;
        }
        let granted = self.client.granted();
        if let Some(lost) = held.iter().find(|scope| !granted.contains(scope)) {
            let what = format!("{name} had {lost}, and is given {granted:?}");
            self.world.fail("scopes can be widened", what);
        }
        if let Some(named) = self.client.lacks_scope().await? {
            let what =
                format!("{name} signed in, was given {granted:?}, and is to ask for {named:?}");
            self.world.fail("scopes can be widened", what);
        }
        Ok(())
    }
}
