//! A user who looks at what is connected as them, and ends some of it.

use url::Url;

use super::SimUser;
use crate::{checks::claims, client::ClientError, human::Walk};

impl SimUser {
    /// Opens the page of connections, signs in for it if need be, and ends nothing, this session, or everything.
    pub(super) async fn look_at_connections(&mut self) -> Result<(), ClientError> {
        self.use_tools().await?;
        let address = format!("{}/me", self.world.server_url());
        let address = Url::parse(&address).expect("a good address");
        let arrived = self.browser.open(&address).await?;
        let page = match self.human.go_on(&mut self.browser, arrived).await? {
            Walk::Stuck(page) => page,
            Walk::Returned(url) => {
                return Err(ClientError::ProtocolViolation(format!(
                    "connections are at {url}"
                )));
            }
        };
        let session = self.client.tokens.as_ref();
        let session = session.and_then(|tokens| claims(&tokens.access_token));
        let session = session.and_then(|claims| Some(claims.get("sid")?.as_str()?.to_owned()));
        let own = format!("session.{}", session.unwrap_or_default());
        let target = self
            .world
            .choose(|choice| *choice.pick(&["", "own", "all"]));
        let wanted = match target {
            "own" => own.as_str(),
            other => other,
        };
        let forms = page.forms().into_iter();
        let found = forms
            .flat_map(|form| {
                form.buttons
                    .clone()
                    .into_iter()
                    .map(move |button| (form.clone(), button))
            })
            .find(|(_, button)| {
                let field = button.field.as_ref();
                field.is_some_and(|(name, value)| name == "end" && value == wanted)
            });
        let Some((form, button)) = found else {
            return Ok(());
        };
        let line = format!("= ends {target} of their connections");
        self.world.note(self.client.peer.name(), &line);
        let old = self.client.tokens.take();
        let old = old.map(|tokens| tokens.access_token);
        self.shared.borrow_mut().old.extend(old);
        self.client.disconnect();
        let _arrived = self.browser.press(&page, &form, &button).await?;
        Ok(())
    }
}
