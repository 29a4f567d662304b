//! A user whose organization wants more of them before a call goes on.

use url::Url;

use super::SimUser;
use crate::{
    client::{ClientError, UserDetails},
    human::Walk,
};

impl SimUser {
    /// Opens the link that a tool's error holds, does what Entra wants, and calls again. Any other answer stays.
    pub(super) async fn satisfied(
        &mut self,
        answer: Result<UserDetails, ClientError>,
    ) -> Result<UserDetails, ClientError> {
        let said = match answer {
            Err(ClientError::Tool(said)) => said,
            answer => return answer,
        };
        let begins = format!("{}/step-up?", self.world.server_url());
        let mut words = said.split(' ');
        let link = words.find(|word| word.starts_with(&begins));
        let Some(link) = link.and_then(|link| Url::parse(link).ok()) else {
            return Err(ClientError::Tool(said));
        };
        let name = self.client.peer.name().to_owned();
        self.world.note(&name, "= satisfies what Entra wants");
        match self.human.walk(&mut self.browser, &link).await? {
            Walk::Stuck(page) if page.body.contains("Your sign-in is confirmed") => {
                self.client.get_user_details().await
            }
            Walk::Stuck(page) => Err(ClientError::Page {
                status: page.status.as_u16(),
                body: page.body,
            }),
            Walk::Returned(url) => Err(ClientError::ProtocolViolation(format!(
                "a step-up ends at {url}"
            ))),
        }
    }
}
