//! What clients use, besides the tools of the signed-in user: everything that MCP has.

use std::time::Duration;

use entra_mcp_core::limits;
use serde_json::{Value, json};

use super::{
    Client, ClientError, Dialect,
    events::{self, Events},
    text,
};
use crate::{
    tools::{PAGE, WATCHED},
    unkindness::Unkindness,
    world::World,
};

/// Something to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Prompts.
    Prompts,
    /// Resources and templates.
    Resources,
    /// Completion.
    Completion,
    /// Progress on the way to an answer.
    Progress,
    /// Lines of the log.
    Logging,
    /// Questions of the server.
    Questions,
    /// An answer to come back for.
    Reconnection,
    /// Tools that take a while and say much.
    Patience,
    /// Tools that fail.
    Failures,
    /// A tool that never ends, cancelled.
    Cancellation,
    /// Changes of a resource.
    Subscription,
    /// Tasks.
    Tasks,
    /// A tool that announces many changes in a row.
    Bursts,
}

impl Feature {
    /// All that there is.
    pub const ALL: [Self; 13] = [
        Self::Prompts,
        Self::Resources,
        Self::Completion,
        Self::Progress,
        Self::Logging,
        Self::Questions,
        Self::Reconnection,
        Self::Patience,
        Self::Failures,
        Self::Cancellation,
        Self::Subscription,
        Self::Tasks,
        Self::Bursts,
    ];
}

/// How long a cancelled call may take to end.
const SOON: Duration = Duration::from_secs(60);

pub(super) fn expect(holds: bool, what: &str) -> Result<(), ClientError> {
    if holds {
        Ok(())
    } else {
        Err(ClientError::violation(what))
    }
}

impl Client {
    /// Uses something, as far as the revision has it. The client is connected.
    ///
    /// # Errors
    ///
    /// Where it ended; [`ClientError::ProtocolViolation`] if it is not as it should be.
    pub async fn use_feature(&mut self, what: Feature) -> Result<(), ClientError> {
        self.notifications.clear();
        self.knows_tasks = false;
        let world = self.peer.world().clone();
        if world.options(|options| options.backend.is_some()) {
            return self.use_backend(what).await;
        }
        match what {
            Feature::Prompts => self.use_prompts().await,
            Feature::Resources => self.use_resources().await,
            Feature::Completion => self.use_completion().await,
            Feature::Progress => self.use_progress().await,
            Feature::Logging => self.use_logging().await,
            Feature::Questions => self.use_questions().await,
            Feature::Reconnection => {
                let called = self.call_tool("test_reconnection", json!({})).await?;
                let said = called.pointer("/content/0/text").and_then(Value::as_str);
                let is_good = said.is_some_and(|said| said.starts_with("Reconnection test"));
                expect(is_good, "the answer to come back for")
            }
            Feature::Patience => {
                self.call_tool("world_slow", json!({})).await?;
                let params = json!({"name": "world_chatty", "arguments": {},
                    "_meta": {"progressToken": "chat", "io.modelcontextprotocol/logLevel": "debug"}});
                self.ask("tools/call", params).await?;
                Ok(())
            }
            Feature::Failures => self.use_failures().await,
            Feature::Cancellation => self.use_cancellation().await,
            Feature::Subscription => self.use_subscription().await,
            Feature::Tasks => self.use_tasks().await,
            Feature::Bursts => {
                let world = self.peer.world().clone();
                if world.options(|options| options.has(Unkindness::Bursts)) {
                    self.call_tool("world_bursting", json!({})).await?;
                }
                Ok(())
            }
        }
    }

    async fn use_prompts(&mut self) -> Result<(), ClientError> {
        let listed = self.ask("prompts/list", json!({})).await?;
        let prompts = listed.get("prompts").and_then(Value::as_array);
        expect(
            prompts.is_some_and(|prompts| prompts.len() > 4),
            "too few prompts",
        )?;
        let arguments = json!({"arg1": "one", "arg2": "two"});
        let params = json!({"name": "test_prompt_with_arguments", "arguments": arguments});
        let prompt = self.ask("prompts/get", params).await?;
        expect(
            prompt.to_string().contains("arg1='one'"),
            "a prompt without its arguments",
        )?;
        let params = json!({"name": "world_prompt", "arguments": {"topic": "tea"}});
        self.ask("prompts/get", params).await?;
        let params = json!({"name": "test_prompt_with_arguments", "arguments": {}});
        let refused = self.ask("prompts/get", params).await;
        is_error(refused, "a prompt without what it needs")
    }

    async fn use_resources(&mut self) -> Result<(), ClientError> {
        self.ask("resources/list", json!({})).await?;
        self.ask("resources/templates/list", json!({})).await?;
        for (uri, text) in [
            ("test://static-text", "static text resource"),
            ("test://template/42/data", "Data for ID: 42"),
            (PAGE, "the end"),
        ] {
            let read = self.ask("resources/read", json!({"uri": uri})).await?;
            expect(read.to_string().contains(text), "another resource")?;
        }
        let refused = self.ask("resources/read", json!({"uri": "test://none"}));
        is_error(refused.await, "a resource that is not there")
    }

    async fn use_completion(&mut self) -> Result<(), ClientError> {
        let reference = json!({"type": "ref/prompt", "name": "test_prompt_with_arguments"});
        let params = json!({"ref": reference, "argument": {"name": "arg1", "value": "test"}});
        let completed = self.ask("completion/complete", params).await?;
        let values = completed
            .pointer("/completion/values")
            .and_then(Value::as_array);
        expect(
            values.is_some_and(|values| values.len() == 2),
            "completed otherwise",
        )?;
        let reference = json!({"type": "ref/prompt", "name": "world_prompt"});
        let params = json!({"ref": reference, "argument": {"name": "topic", "value": "t"}});
        self.ask("completion/complete", params).await?;
        Ok(())
    }

    async fn use_progress(&mut self) -> Result<(), ClientError> {
        let params = json!({"name": "test_tool_with_progress", "arguments": {},
            "_meta": {"progressToken": "how far"}});
        self.ask("tools/call", params).await?;
        let notifications = self.count("notifications/progress");
        expect(
            notifications == 3 || (notifications < 3 && !self.expects_no_faults),
            "progress is reported otherwise",
        )
    }

    async fn use_logging(&mut self) -> Result<(), ClientError> {
        let world = self.peer.world().clone();
        let level = world.choose(|choice| *choice.pick(&["debug", "info", "error"]));
        let mut params = json!({"name": "test_tool_with_logging", "arguments": {}});
        if self.dialect == Dialect::Modern {
            let meta = json!({"io.modelcontextprotocol/logLevel": level});
            params
                .as_object_mut()
                .map(|members| members.insert("_meta".to_owned(), meta));
        } else {
            let level = json!({"level": level});
            self.ask("logging/setLevel", level).await?;
        }
        let stuck = self.leave_replica();
        let called = self.ask("tools/call", params).await;
        self.peer.stick_to(stuck);
        called?;
        let wanted = if level == "error" { 0 } else { 3 };
        let notifications = self.count("notifications/message");
        expect(
            notifications == wanted || !self.expects_no_faults,
            "the log is sent otherwise",
        )
    }

    async fn use_questions(&mut self) -> Result<(), ClientError> {
        let elicits = !matches!(self.dialect.version(), "2024-11-05" | "2025-03-26");
        let message = json!({"message": "Who are you?"});
        for (tool, arguments, needs) in [
            ("test_elicitation", message, true),
            ("test_sampling", json!({"prompt": "Where?"}), false),
            ("test_input_required_result_multi_round", json!({}), true),
            (
                "test_input_required_result_multiple_inputs",
                json!({}),
                true,
            ),
            ("test_input_required_result_list_roots", json!({}), false),
            ("world_asking", json!({}), true),
        ] {
            match self.call_tool(tool, arguments).await {
                Ok(_) => expect(elicits || !needs, "asked what the client cannot")?,
                // The user did not want to.
                Err(ClientError::Tool(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let params = json!({"name": "test_input_required_result_prompt", "arguments": {}});
        match self.ask("prompts/get", params).await {
            Ok(_) | Err(ClientError::Rpc { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn use_failures(&mut self) -> Result<(), ClientError> {
        let failed = self.call_tool("world_failing", json!({})).await;
        is_error(failed, "a tool that is broken")?;
        let failed = self.call_tool("test_error_handling", json!({})).await;
        is_error(failed, "a tool that fails")
    }

    /// Begins a call that never ends, and cancels it in the way of the revision.
    async fn use_cancellation(&mut self) -> Result<(), ClientError> {
        let world = self.peer.world().clone();
        let params = json!({"name": "world_endless", "arguments": {},
            "_meta": {"progressToken": "never"}});
        let (id, request) = self.request_of("tools/call", params);
        let least = Duration::from_secs(10);
        let wait = world.choose(|choice| choice.between(least, 2 * least));
        let mut call = self.peer.send(request);
        match self.dialect {
            Dialect::Modern => {
                world.sleep(wait).await;
                Ok(())
            }
            Dialect::Sse => {
                call.head().await?;
                world.sleep(wait).await;
                self.cancel(id).await
            }
            Dialect::Streamable(_) => {
                world.sleep(wait).await;
                self.cancel(id).await?;
                let end = async {
                    let head = call.head().await?;
                    let rest = call.rest().await;
                    rest.map(|_| head.status())
                };
                match world.within(SOON, end).await {
                    None if self.expects_no_faults => {
                        Err(ClientError::violation("a cancelled call goes on"))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// What one replica has taken holds on the others: the next requests may come to any, unless a stream of HTTP+SSE is at
    /// one. Gives the one that they came to before.
    fn leave_replica(&mut self) -> Option<usize> {
        let stuck = self.peer.stuck();
        if let Dialect::Streamable(_) = self.dialect {
            self.peer.stick_to(None);
        }
        stuck
    }

    /// Listens for changes of a resource while a tool changes it.
    async fn use_subscription(&mut self) -> Result<(), ClientError> {
        let world = self.peer.world().clone();
        let stuck = self.peer.stuck();
        let mut stream = match self.dialect {
            Dialect::Sse => None,
            Dialect::Streamable(_) => Some(Events::new(self.open(None).await?)),
            Dialect::Modern => Some(self.subscribe().await?),
        };
        if self.dialect != Dialect::Modern {
            self.leave_replica();
            let watched = json!({"uri": WATCHED});
            let subscribed = self.ask("resources/subscribe", watched).await;
            if subscribed.is_err() {
                self.peer.stick_to(stuck);
            }
            subscribed?;
            world.sleep(until_heard(&world)).await;
        }
        let changed = self.call_tool("world_changing", json!({})).await;
        let mut notifications = 0;
        if let (Some(events), Ok(_)) = (&mut stream, &changed) {
            let listening = async {
                while let Ok(Some(event)) = events.next().await {
                    if let Some(message) = event.message()? {
                        let method = message.get("method").and_then(Value::as_str);
                        if method == Some("notifications/resources/updated") {
                            return Ok(1);
                        }
                    }
                }
                Ok::<usize, ClientError>(0)
            };
            notifications = world.within(SOON / 2, listening).await.unwrap_or(Ok(0))?;
        }
        self.peer.stick_to(stuck);
        changed?;
        expect(
            notifications == 1 || stream.is_none() || !self.expects_no_faults,
            "a change was not announced",
        )?;
        if self.dialect != Dialect::Modern {
            let watched = json!({"uri": WATCHED});
            self.ask("resources/unsubscribe", watched).await?;
        }
        Ok(())
    }

    /// `subscriptions/listen` (2026-07-28), up to its acknowledgement.
    async fn subscribe(&mut self) -> Result<Events, ClientError> {
        let wanted = json!({"toolsListChanged": true, "resourceSubscriptions": [WATCHED]});
        let params = json!({"notifications": wanted});
        let (_, request) = self.request_of("subscriptions/listen", params);
        let mut call = self.peer.send(request);
        let head = call.head().await?;
        if !events::is_stream(&head) {
            let body = call.rest().await?;
            let response = http::Response::from_parts(head.into_parts().0, body);
            events::result_of(&response)?;
            return Err(ClientError::violation("no stream"));
        }
        self.peer.stick_to(call.replica());
        let mut events = Events::new(call);
        let first = events.next().await?.ok_or(ClientError::Broken)?;
        let first = first.message()?.unwrap_or_default();
        let method = text(&first, "method")?;
        expect(
            method == "notifications/subscriptions/acknowledged",
            "not acknowledged first",
        )?;
        Ok(events)
    }

    fn count(&self, method: &str) -> usize {
        let is = |message: &&Value| message.get("method") == Some(&json!(method));
        self.notifications.iter().filter(is).count()
    }
}

/// What must be refused is refused; other errors are expected.
fn is_error(answer: Result<Value, ClientError>, what: &str) -> Result<(), ClientError> {
    match answer {
        Err(ClientError::Rpc { .. } | ClientError::Tool(_)) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(ClientError::ProtocolViolation(format!(
            "{what} gives a result"
        ))),
    }
}

/// How long it may take until all replicas know what one has taken.
fn until_heard(world: &World) -> Duration {
    let soon = Duration::from_secs(2);
    match world.options(|options| options.faults.message_lost) {
        0 => soon,
        _ => limits::KEEP_ALIVE + soon,
    }
}
