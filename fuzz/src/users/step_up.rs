//! A user whose organization wants more of them before a call goes on.

use url::Url;

use super::SimUser;
use crate::{
    client::{ClientError, SIGN_IN, UserDetails},
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
        self.satisfy(said).await?;
        self.client.get_user_details().await
    }

    /// Calls what the backend wants a token for whose user has satisfied more, satisfies that, and calls again.
    pub(super) async fn use_guarded(&mut self) -> Result<(), ClientError> {
        let all = self.world.options(|options| options.backends());
        let mut all = all.iter();
        let own = all.find(|(place, _)| place.name == self.client.endpoint);
        if !own.is_some_and(|(_, kind)| kind.takes_tokens()) {
            return Ok(());
        }
        let said = match self.client.use_guarded().await {
            Err(ClientError::Tool(said)) => said,
            called => return called,
        };
        self.satisfy(said).await?;
        match self.client.use_guarded().await {
            Err(ClientError::Tool(said)) if self.client.expects_no_faults => {
                let what = format!(
                    "{} did what is wanted, and is told {said}",
                    self.human.account
                );
                self.world.fail("claims can be satisfied", what);
                Ok(())
            }
            called => called,
        }
    }

    /// Begins anew after an error: with another sign-in, if it says so.
    pub(super) fn heed(&mut self, error: &ClientError) {
        self.client.disconnect();
        if let ClientError::Tool(said) | ClientError::Rpc { message: said, .. } = error
            && said.contains(SIGN_IN)
        {
            self.client.tokens = None;
        }
    }

    /// Opens the link in what a call was answered with, and does what Entra wants.
    async fn satisfy(&mut self, said: String) -> Result<(), ClientError> {
        let begins = format!("{}/step-up?", self.world.server_url());
        let mut words = said.split(' ');
        let link = words.find(|word| word.starts_with(&begins));
        let Some(link) = link.and_then(|link| Url::parse(link).ok()) else {
            return Err(ClientError::Tool(said));
        };
        let name = self.client.peer.name().to_owned();
        self.world.note(&name, "= satisfies what Entra wants");
        match self.human.walk(&mut self.browser, &link).await? {
            Walk::Stuck(page) if page.body.contains("Your sign-in is confirmed") => Ok(()),
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
