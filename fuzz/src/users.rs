//! Users with their clients, who want nothing but to sign in and use the tools, whatever breaks on
//! the way. In the liveness phase nothing breaks any more, and each of them must get through.

mod connections;
pub(crate) mod endpoints;
mod guest;
mod identity;
mod processes;
mod revocation;
mod run_state;
mod scopes;
mod step_up;
mod streams;
mod wanted;

use std::{rc::Rc, time::Duration};

use entra_mcp_core::limits;
use serde_json::json;

pub use self::run_state::{RunState, Shared};
use crate::{
    browser::Browser,
    client::{Client, ClientError, Dialect, Feature},
    human::Human,
    ids::Role,
    unkindness::Unkindness,
    world::World,
};

/// A user with one client.
#[derive(Debug)]
pub struct SimUser {
    world: World,
    client: Client,
    browser: Browser,
    human: Human,
    shared: Shared,
}

/// How long a client waits between two attempts.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a client waits for anything.
const LONG: Duration = Duration::from_secs(90);

/// How long one that loses patience waits.
const SHORT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(3));

/// How often a user reloads a page that says that something failed.
const RELOADS: usize = 3;

impl SimUser {
    /// A user with this account, whose client speaks this dialect.
    #[must_use]
    pub fn new(
        world: &World,
        name: &str,
        account: &str,
        dialect: Dialect,
        shared: &Shared,
    ) -> Self {
        let mut client = Client::new(world, name, dialect);
        // Approvals are remembered for web clients only.
        let is_web = world.choose(|choice| choice.chance(500));
        let origin = if is_web {
            "https://client.example"
        } else {
            "http://127.0.0.1:49152"
        };
        client.redirect_uri = format!("{origin}/{name}");
        let kind = kind(dialect, is_web);
        world.note(name, &format!("= signs in with {kind}"));
        client.leaked_names = Rc::clone(&shared.borrow().leaked_names);
        let is_confidential = world.options(|options| options.has(Unkindness::CopiedRegistrations));
        client.is_confidential = is_confidential && world.choose(|choice| choice.chance(500));
        client.is_sticky = world.choose(|choice| choice.chance(700));
        identity::choose(&mut client, name, account, world);
        Self {
            world: world.clone(),
            client,
            browser: Browser::new(world.peer(&format!("{name}'s"), Role::Browser)),
            human: Human::new(account),
            shared: Rc::clone(shared),
        }
    }

    /// Acts until the faults stop, and then gets through once more.
    pub async fn run(mut self) {
        let most = Duration::from_secs(600);
        while !self.shared.borrow().faults_stopped {
            self.may_move();
            let wait = self.world.choose(|choice| choice.between(PATIENCE, most));
            let action = self.action();
            let short = self.world.choose(|choice| choice.between(SHORT.0, SHORT.1));
            let world = self.world.clone();
            // Some lose patience and leave in the middle of something.
            let patience = match action {
                0 | 15 => short,
                _ if action > 15 => LONG * 3,
                _ => LONG,
            };
            // Errors are expected; that nothing worse comes of it is what the checks see to.
            match world.within(patience, self.perform(action)).await {
                None => self.client.disconnect(),
                Some(Err(error)) => self.check_conformance(&error),
                Some(Ok(())) => {}
            }
            self.lose();
            self.world.sleep(wait).await;
        }
        // Nothing breaks any more: what is sent arrives, behind a balancer that knows its clients.
        self.client.disconnect();
        self.client.is_sticky = true;
        if self.client.has_document() {
            // What a site said wrong is kept for so long.
            self.world.sleep(limits::CLIENT_DOCUMENT_FLOOR).await;
        }
        let mut got_through = self.gets_through(None).await;
        self.client.expects_no_faults = true;
        for wanted in Feature::ALL {
            let wants = self.world.choose(|choice| choice.chance(400));
            got_through = got_through && (!wants || self.gets_through(Some(wanted)).await);
        }
        if got_through && self.world.choose(|choice| choice.chance(300)) {
            got_through = self.shares_a_session().await;
        }
        if got_through && self.client.has_document() {
            let _refused = self.repeat_a_refresh().await;
        }
        if got_through {
            self.shared.borrow_mut().finished += 1;
        }
    }

    /// Uses something until it is done.
    async fn gets_through(&mut self, wanted: Option<Feature>) -> bool {
        for _ in 0..12 {
            let world = self.world.clone();
            let used = async {
                match wanted {
                    None => self.use_tools().await,
                    Some(wanted) => self.use_feature(wanted).await,
                }
            };
            match world
                .within(LONG * 3, used)
                .await
                .unwrap_or(Err(ClientError::Broken))
            {
                Ok(()) => return true,
                Err(error) => {
                    let line = format!("= has error with {wanted:?}: {}", error.brief());
                    self.world.note(self.client.peer.name(), &line);
                    self.check_conformance(&error);
                    self.client.disconnect();
                }
            }
            self.world.sleep(PATIENCE * 10).await;
        }
        let name = self.client.peer.name().to_owned();
        let what = format!("{name} never gets through with {wanted:?}");
        self.world.fail("every user finishes", what);
        false
    }

    /// Whatever breaks, the server keeps to the protocol.
    fn check_conformance(&self, error: &ClientError) {
        if let ClientError::ProtocolViolation(what) = error {
            let name = self.client.peer.name();
            let what = format!("{name}: {what}");
            self.world.fail("protocol conformance", what);
        }
    }

    async fn perform(&mut self, action: u64) -> Result<(), ClientError> {
        match action {
            1 | 2 => self.refresh().await,
            3 => {
                self.client.disconnect();
                Ok(())
            }
            4 => self.client.end_session().await,
            5 => self.give_up_halfway().await,
            6 if self.is(Unkindness::RevocationsHold) => {
                self.use_tools().await?;
                self.revoke_amid_a_call().await
            }
            6 => self.revoke().await,
            7 => self.chat().await,
            8 => self.listen().await,
            24 => self.refresh_in_two_processes().await,
            25 => self.look_at_connections().await,
            26 => self.repeat_a_refresh().await,
            9..=14 => self.use_tools().await,
            _ => {
                let wanted = self.wanted();
                let line = format!("= uses {wanted:?}");
                self.world.note(self.client.peer.name(), &line);
                self.use_feature(wanted).await
            }
        }
    }

    /// Uses what MCP has besides.
    async fn use_feature(&mut self, wanted: Feature) -> Result<(), ClientError> {
        self.use_tools().await?;
        if self.client.session().is_none() {
            self.client.connect().await?;
        }
        let mut used = self.client.use_feature(wanted).await;
        if used.is_ok() {
            used = self.use_with_user(wanted).await;
        }
        match &used {
            Ok(()) => self.shared.borrow_mut().uses += 1,
            Err(error) => self.heed(error),
        }
        used
    }

    async fn use_tools(&mut self) -> Result<(), ClientError> {
        if self.client.tokens.is_none() {
            self.client.disconnect();
            self.sign_in().await?;
        }
        let done = self.call().await;
        match &done {
            Err(ClientError::Status { status: 401, .. }) => {
                self.refresh().await?;
                self.call().await
            }
            // The session of the transport is gone: begin a new one.
            Err(error) => {
                self.heed(error);
                done
            }
            Ok(()) => done,
        }
    }

    async fn sign_in(&mut self) -> Result<(), ClientError> {
        let signed_in = self.client.sign_in(&mut self.browser, &self.human).await;
        if let Err(ClientError::Status { status: 401, .. }) = &signed_in {
            self.client.registration = None;
        }
        if signed_in.is_err() && self.is(Unkindness::ReplayedCallbacks) {
            self.reload_callback().await;
        }
        if signed_in.is_ok() && self.is(Unkindness::SharedBrowsers) {
            let comes = self.world.choose(|choice| choice.chance(200));
            if comes {
                self.guest_signs_in().await;
            }
        }
        signed_in
    }

    fn is(&self, unkindness: Unkindness) -> bool {
        self.world.options(|options| options.has(unkindness))
    }

    /// Reloads the page on which a sign-in ended, a few times.
    async fn reload_callback(&mut self) {
        let mut opened = self.browser.history.iter().rev();
        let callback = opened.find(|url| url.path() == "/auth/callback").cloned();
        if let Some(callback) = callback {
            for _ in 0..RELOADS {
                let _arrived = self.browser.open(&callback).await;
            }
        }
    }

    async fn call(&mut self) -> Result<(), ClientError> {
        if self.client.session().is_none() {
            self.client.connect().await?;
        }
        let world = self.world.clone();
        let asked = world.within(LONG, self.client.get_user_details()).await;
        if asked.is_none() && self.shared.borrow().faults_stopped {
            let what = format!("{} waits for an answer", self.client.peer.name());
            self.world.fail("answers in time", what);
        }
        let details = self.satisfied(asked.unwrap_or(Err(ClientError::Broken)));
        let details = details.await?;
        self.shared.borrow_mut().calls += 1;
        if details.user_principal_name != self.human.account {
            let what = format!("{} is given {details:?}", self.human.account);
            self.world.fail("user isolation", what);
        }
        Ok(())
    }

    async fn refresh(&mut self) -> Result<(), ClientError> {
        let Some(old) = self.client.tokens.clone() else {
            return Ok(());
        };
        let refreshed = self.client.refresh().await;
        match &refreshed {
            Ok(()) => {
                let client_id = self.client.registration.as_ref();
                let client_id = client_id.map(|known| known.client_id.clone());
                let spent = old.refresh_token.zip(client_id);
                self.shared.borrow_mut().spent.extend(spent);
            }
            Err(error) if error.error() == Some("invalid_grant") => {
                self.client.tokens = None;
                self.client.disconnect();
            }
            // The answer was lost: the client repeats its last refresh later.
            Err(_) => {}
        }
        self.shared.borrow_mut().old.push(old.access_token);
        refreshed
    }

    async fn revoke(&mut self) -> Result<(), ClientError> {
        let Some(tokens) = self.client.tokens.clone() else {
            return Ok(());
        };
        self.client.revoke(&tokens.access_token).await?;
        self.shared.borrow_mut().old.push(tokens.access_token);
        self.client.tokens = None;
        self.client.disconnect();
        Ok(())
    }

    /// What else clients say: a list, a ping, a cancellation, and mistakes.
    async fn chat(&mut self) -> Result<(), ClientError> {
        self.call().await?;
        self.client.list_tools().await?;
        if self.client.dialect != Dialect::Modern {
            self.client.ask("ping", json!({})).await?;
        }
        self.client.cancel(1).await?;
        for (tool, arguments) in [
            ("noSuchTool", json!({})),
            ("getUserDetails", json!({"oid": "somebody else's"})),
        ] {
            let called = self.client.call_tool(tool, arguments).await;
            if let Ok(result) = called {
                let what = format!("{tool} gives {result}");
                self.world.fail("mistakes are errors", what);
            }
        }
        Ok(())
    }

    /// Begins another sign-in and stops somewhere.
    async fn give_up_halfway(&mut self) -> Result<(), ClientError> {
        let begun = self.client.begin().await?;
        if self.world.choose(|choice| choice.chance(500)) {
            let mut human = self.human.clone();
            human.approves = self.world.choose(|choice| choice.chance(500));
            human.agrees = false;
            let client = &self.client;
            client.ask_user(&mut self.browser, &human, &begun).await?;
        }
        Ok(())
    }

    /// Loses what may be lost to an attacker.
    fn lose(&mut self) {
        let mut state = self.shared.borrow_mut();
        state.history.append(&mut self.browser.history);
        state
            .sessions
            .extend(self.client.session().map(str::to_owned));
        if let Some(known) = &self.client.registration {
            let client = (known.client_id.clone(), self.client.redirect_uri.clone());
            if !state.clients.contains(&client) {
                state.clients.push(client);
            }
        }
    }
}

/// A kind of sign-in, as the trace names it.
#[must_use]
pub fn kind(dialect: Dialect, is_web: bool) -> String {
    let client = if is_web { "web" } else { "native" };
    format!("{}, {client}", dialect.version())
}
