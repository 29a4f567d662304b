//! A user who takes as much as the server gives: calls, streams, tasks, subscriptions, sessions, parts of
//! answers to come back for. Nothing of it is forbidden; beyond the bounds the server must say so at once
//! to this user, and nobody else may feel it.

mod waiting_call;

use std::{rc::Rc, time::Duration};

use http::{Method, Request};
use serde_json::{Value, json};

use self::waiting_call::WaitingCall;
use crate::{
    browser::Browser,
    client::{Client, ClientError, Dialect},
    human::Human,
    ids::Role,
    net::Call,
    tools::WATCHED,
    users::Shared,
    world::World,
};

/// A greedy user.
#[derive(Debug)]
pub struct GreedyUser {
    world: World,
    shared: Shared,
    client: Client,
    browser: Browser,
    human: Human,
    /// What is held open.
    held: Vec<Call>,
}

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// The most that is held open: beyond that a run takes too long.
const HELD: usize = 400;

/// How many of something are more than one user may have.
const MANY: [u64; 3] = [20, 70, 90];

/// What a greedy user does.
#[derive(Clone, Copy, Debug)]
enum Greed {
    EndlessCalls,
    Questions,
    Streams,
    Sessions,
    Tasks,
    Subscriptions,
    Resumptions,
    Deletions,
    Chatter,
    LetGo,
}

impl Greed {
    const ALL: [Self; 10] = [
        Self::EndlessCalls,
        Self::Questions,
        Self::Streams,
        Self::Sessions,
        Self::Tasks,
        Self::Subscriptions,
        Self::Resumptions,
        Self::Deletions,
        Self::Chatter,
        Self::LetGo,
    ];
}

impl GreedyUser {
    /// A greedy user with this account, whose client speaks this dialect.
    #[must_use]
    pub fn new(
        world: &World,
        name: &str,
        account: &str,
        dialect: Dialect,
        shared: &Shared,
    ) -> Self {
        let mut client = Client::new(world, name, dialect);
        client.redirect_uri = format!("http://127.0.0.1:49152/{name}");
        client.is_sticky = true;
        Self {
            world: world.clone(),
            shared: Rc::clone(shared),
            client,
            browser: Browser::new(world.peer(&format!("{name}'s"), Role::Browser)),
            human: Human::new(account),
            held: Vec::new(),
        }
    }

    /// The same at this endpoint.
    #[must_use]
    pub fn at(mut self, endpoint: Option<&'static str>) -> Self {
        self.client.endpoint = endpoint;
        self
    }

    /// Takes what there is until all others are done.
    pub async fn run(mut self) {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(120));
        while !self.shared.borrow().is_over() {
            let wait = self.world.choose(|choice| choice.between(least, most));
            let greed = self.world.choose(|choice| *choice.pick(&Greed::ALL));
            let count = self.world.choose(|choice| *choice.pick(&MANY));
            let name = self.client.peer.name().to_owned();
            self.world
                .note(&name, &format!("= wants {count} {greed:?}"));
            let world = self.world.clone();
            // Errors are expected: a full table says so.
            match world.within(PATIENCE, self.take(greed, count)).await {
                Some(Ok(())) => {}
                Some(Err(ClientError::Status { status: 401, .. })) => {
                    self.client.tokens = None;
                    self.client.disconnect();
                }
                Some(Err(_)) | None => self.client.disconnect(),
            }
            let surplus = self.held.len().saturating_sub(HELD);
            self.held.drain(..surplus);
            self.world.sleep(wait).await;
        }
    }

    async fn take(&mut self, greed: Greed, count: u64) -> Result<(), ClientError> {
        if self.client.tokens.is_none() {
            self.client.use_as(&mut self.browser, &self.human).await?;
        }
        if self.client.session().is_none() {
            self.client.connect().await?;
        }
        match greed {
            Greed::EndlessCalls => {
                self.hold_calls(count, "world_endless");
                self.one_more_call().await;
            }
            Greed::Questions => self.answer_questions(count),
            Greed::Streams => self.hold_streams(count),
            Greed::Sessions => self.open_sessions(count).await?,
            Greed::Tasks => self.begin_tasks(count),
            Greed::Subscriptions => self.subscribe(count),
            Greed::Resumptions => self.come_back_for_many(count),
            Greed::Deletions => self.end_sessions(count).await?,
            Greed::Chatter => self.chatter(count),
            Greed::LetGo => self.held.clear(),
        }
        Ok(())
    }

    fn hold(&mut self, request: Request<bytes::Bytes>) {
        let call = self.client.peer.send(request);
        self.held.push(call);
    }

    fn hold_calls(&mut self, count: u64, tool: &str) {
        for _ in 0..count {
            let params = json!({"name": tool, "arguments": {},
                "_meta": {"progressToken": "greedy"}});
            let (_, request) = self.client.request_of("tools/call", params);
            self.hold(request);
        }
    }

    /// However many calls are under way, the next one is answered: with what it asks for, or in words.
    async fn one_more_call(&mut self) {
        let (world, shared) = (self.world.clone(), Rc::clone(&self.shared));
        let is_faultless = shared.borrow().faults_stopped;
        let called = self.client.call_tool("noSuchTool", json!({}));
        let answered = world.within(PATIENCE / 2, called).await;
        let is_answered = match &answered {
            Some(Err(ClientError::Rpc { message, .. } | ClientError::Tool(message))) => {
                !message.is_empty()
            }
            Some(_) => true,
            None => false,
        };
        if is_faultless && !is_answered && !shared.borrow().is_over() {
            let what = format!("one call too many is answered with {answered:?}");
            world.fail("limits are told", what);
        }
    }

    /// Calls that ask: each is answered, or refused at once.
    fn answer_questions(&mut self, count: u64) {
        if matches!(self.client.dialect, Dialect::Streamable(_)) {
            self.begin_calls(count, "world_asking");
        }
    }

    /// Calls whose connection ends before their answer: each can be come back for, or is refused at once.
    fn come_back_for_many(&mut self, count: u64) {
        if self.client.dialect == Dialect::Streamable("2025-11-25") {
            self.begin_calls(count, "test_reconnection");
        }
    }

    fn begin_calls(&mut self, count: u64, tool: &'static str) {
        for _ in 0..count {
            let params = json!({"name": tool, "arguments": {}});
            let (id, request) = self.client.request_of("tools/call", params);
            let call = WaitingCall {
                peer: self.client.peer.clone(),
                shared: Rc::clone(&self.shared),
                id,
                tool,
                post: self.client.message(&Value::Null, "", None),
                get: self.client.request_for_events(),
            };
            self.world.spawn(call.run(request));
        }
    }

    fn hold_streams(&mut self, count: u64) {
        let request = match self.client.dialect {
            Dialect::Modern => {
                let wanted = json!({"toolsListChanged": true});
                let params = json!({"notifications": wanted});
                self.client.request_of("subscriptions/listen", params).1
            }
            _ => self.client.request_for_events(),
        };
        for _ in 0..count {
            self.hold(request.clone());
        }
    }

    /// Begins sessions, each with settings of its own: the first one's hold on.
    async fn open_sessions(&mut self, count: u64) -> Result<(), ClientError> {
        if !matches!(self.client.dialect, Dialect::Streamable(_)) {
            return Ok(());
        }
        let first = self.client.session().map(str::to_owned);
        let level = json!({"level": "error"});
        let is_set = self
            .client
            .ask("logging/setLevel", level.clone())
            .await
            .is_ok()
            // A new sign-in has no settings: none is needed from here on.
            && self.shared.borrow().faults_stopped;
        let replica = self.client.peer.stuck();
        for _ in 0..count {
            self.client.connect().await?;
            self.client.ask("logging/setLevel", level.clone()).await?;
        }
        let Some(first) = first else {
            return Ok(());
        };
        self.client.set_session(&first);
        // Any replica knows them; what it comes back for later, one does.
        self.client.peer.stick_to(None);
        self.client.notifications.clear();
        let params = json!({"name": "test_tool_with_logging", "arguments": {}});
        let called = self.client.ask("tools/call", params).await;
        self.client.peer.stick_to(replica);
        called?;
        let notifications = self.client.notifications.iter();
        let mut lines = notifications.map(|message| message.get("method"));
        let is_lost = lines.any(|method| method == Some(&json!("notifications/message")));
        if is_set && is_lost {
            self.world
                .fail("settings hold", "the log level of a session was lost");
        }
        Ok(())
    }

    fn begin_tasks(&mut self, count: u64) {
        if self.client.dialect == Dialect::Modern {
            self.client.knows_tasks = true;
            self.hold_calls(count, "world_endless");
            self.client.knows_tasks = false;
        }
    }

    fn subscribe(&mut self, count: u64) {
        if self.client.dialect == Dialect::Modern {
            return;
        }
        for number in 0..count {
            let watched = json!({"uri": format!("{WATCHED}/{number}")});
            let (_, request) = self.client.request_of("resources/subscribe", watched);
            self.hold(request);
        }
    }

    /// Begins and ends sessions: one that is not ended goes on.
    async fn end_sessions(&mut self, count: u64) -> Result<(), ClientError> {
        if !matches!(self.client.dialect, Dialect::Streamable(_)) {
            return Ok(());
        }
        let first = self.client.session().map(str::to_owned);
        let replica = self.client.peer.stuck();
        // One that began ahead of a clock that was set right is lost for that.
        let is_alive =
            self.client.ask("ping", json!({})).await.is_ok() && self.shared.borrow().faults_stopped;
        for _ in 0..count {
            self.client.connect().await?;
            self.client.end_session().await?;
        }
        let Some(first) = first else {
            return Ok(());
        };
        self.client.set_session(&first);
        self.client.peer.stick_to(replica);
        let pinged = self.client.ask("ping", json!({})).await;
        let status = pinged.as_ref().err().and_then(ClientError::status);
        if is_alive && status == Some(404) {
            self.world
                .fail("sessions end one by one", "a session ended with others");
        }
        Ok(())
    }

    /// Much at once that is done soon.
    fn chatter(&mut self, count: u64) {
        let method = match self.client.dialect {
            Dialect::Modern => "tools/list",
            _ => "ping",
        };
        for _ in 0..count * 3 {
            let (_, request) = self.client.request_of(method, json!({}));
            debug_assert_eq!(request.method(), Method::POST);
            self.hold(request);
        }
    }
}
