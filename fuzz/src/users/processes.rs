//! A client of several processes, which share what is stored of its session and do not ask each other before they
//! refresh (threat E6).

use std::time::Duration;

use super::{LONG, SimUser};
use crate::client::{Assertion, Client, ClientError, Identity, Tokens};

/// How long after the first one a process refreshes that was asleep, at most: within the time that an older token is
/// good for.
const LATER: Duration = Duration::from_secs(100);

impl SimUser {
    /// Another process of the same client, on another machine.
    fn other_process(&self) -> Client {
        let name = format!("{}, another process", self.client.peer.name());
        let mut other = Client::new(&self.world, &name, self.client.dialect);
        other.identity = self.client.identity.clone();
        other.redirect_uri.clone_from(&self.client.redirect_uri);
        other.registration.clone_from(&self.client.registration);
        other.discovered.clone_from(&self.client.discovered);
        other
    }

    /// Both processes refresh with one token at once; which tokens each is given.
    async fn both_refresh(&self, other: &Client, token: &str) -> Result<[Tokens; 2], ClientError> {
        let own = self.client.refresh_with(token);
        let others = other.refresh_with(token);
        let (own, others) = self.world.both(own, others).await;
        Ok([own?, others?])
    }

    fn refresh_token(&self) -> Option<String> {
        let tokens = self.client.tokens.as_ref()?;
        tokens.refresh_token.clone()
    }

    /// Refreshes in two processes at once.
    pub(super) async fn refresh_in_two_processes(&mut self) -> Result<(), ClientError> {
        self.use_tools().await?;
        let Some(token) = self.refresh_token() else {
            return Ok(());
        };
        let other = self.other_process();
        let [own, _] = self.both_refresh(&other, &token).await?;
        self.client.tokens = Some(own);
        self.call().await
    }

    /// Sends one refresh twice, or with an assertion that was made for another server.
    pub(super) async fn repeat_a_refresh(&mut self) -> Result<(), ClientError> {
        self.use_tools().await?;
        if matches!(self.client.identity, Identity::Signing(_))
            && self.world.choose(|choice| choice.chance(300))
        {
            self.client.assertion = Assertion::ForAnother;
            let _refused = self.client.refresh().await;
            self.client.assertion = Assertion::Good;
            return Ok(());
        }
        self.client.refresh_by_one_request_twice().await
    }

    /// Nothing breaks any more: of two processes that refresh at once, and one that comes later with the older token, none
    /// loses the session.
    pub(super) async fn shares_a_session(&mut self) -> bool {
        // Who ends sessions of this user is done by then.
        self.world.sleep(LONG * 4).await;
        for _ in 0..12 {
            let shared = self.share_a_session().await;
            let name = self.client.peer.name().to_owned();
            match shared {
                Ok(()) => return true,
                Err(error) if error.error() == Some("invalid_grant") => {
                    let what = format!("{name} loses the session that its processes share");
                    self.world.fail("processes share a session", what);
                    return false;
                }
                Err(error) => {
                    let line = format!("= has error with two processes: {error}");
                    self.world.note(&name, &line);
                    self.check_conformance(&error);
                }
            }
            self.world.sleep(LONG / 3).await;
        }
        let what = format!("{} never refreshes", self.client.peer.name());
        self.world.fail("every user finishes", what);
        false
    }

    async fn share_a_session(&mut self) -> Result<(), ClientError> {
        self.client.tokens = None;
        self.client.disconnect();
        self.use_tools().await?;
        let token = self.refresh_token();
        let token = token.ok_or(ClientError::violation("no refresh token"))?;
        let other = self.other_process();
        let [own, _] = self.both_refresh(&other, &token).await?;
        self.client.tokens = Some(own);
        self.client.refresh().await?;
        let later = self
            .world
            .choose(|choice| choice.between(Duration::ZERO, LATER));
        self.world.sleep(later).await;
        let _late = other.refresh_with(&token).await?;
        self.call().await
    }
}
