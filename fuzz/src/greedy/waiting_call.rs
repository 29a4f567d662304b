//! One of many calls of a greedy user: what the server takes on, it finishes.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use serde_json::{Value, json};

use crate::{
    client::{ClientError, Events, is_stream, value},
    net::{Call, Peer},
    users::Shared,
};

/// A call, and what it takes to answer a request of the server and to come back for events.
pub(super) struct WaitingCall {
    pub(super) peer: Peer,
    pub(super) shared: Shared,
    pub(super) id: u64,
    pub(super) tool: &'static str,
    /// A POST without its body.
    pub(super) post: Request<Bytes>,
    /// A GET of events.
    pub(super) get: Request<Bytes>,
}

/// What became of a stream.
enum Read {
    /// The response is there.
    Response,
    /// The server has ended it: the client is to come back.
    ComeBack(String, Duration),
}

/// How long the rest of a call may take once the user has answered.
const REST: Duration = Duration::from_secs(120);

/// How often a client comes back.
const ROUNDS: usize = 4;

impl WaitingCall {
    pub(super) async fn run(self, request: Request<Bytes>) {
        let world = self.peer.world().clone();
        // What was lost to a fault is nobody's mistake, however late that shows.
        let is_faultless = self.shared.borrow().faults_stopped;
        let call = self.peer.send(request);
        let done = world.within(REST, self.finish(call)).await;
        if !is_faultless || self.shared.borrow().is_over() {
            return;
        }
        let tool = self.tool;
        match done {
            None => world.fail("accepted calls end", format!("{tool} is never answered")),
            Some(Err(ClientError::ProtocolViolation(what))) => {
                world.fail("accepted calls end", format!("{tool}: {what}"));
            }
            Some(_) => {}
        }
    }

    async fn finish(&self, call: Call) -> Result<(), ClientError> {
        let mut call = call;
        let head = call.head().await?;
        if !is_stream(&head) {
            // The whole response, or a refusal.
            call.rest().await?;
            return Ok(());
        }
        let mut events = Events::new(call);
        for _ in 0..ROUNDS {
            let Read::ComeBack(last, away) = self.read(&mut events).await? else {
                return Ok(());
            };
            self.peer.world().clone().sleep(away).await;
            let mut request = self.get.clone();
            request.headers_mut().insert("last-event-id", value(&last));
            let mut call = self.peer.send(request);
            let head = call.head().await?;
            if head.status() == 429 {
                // This user has as many streams open as one may have.
                return Ok(());
            }
            if head.status() != 200 {
                let what = format!("it is not there to come back for: {}", head.status());
                return Err(ClientError::ProtocolViolation(what));
            }
            events = Events::new(call);
        }
        Ok(())
    }

    async fn read(&self, events: &mut Events) -> Result<Read, ClientError> {
        while let Some(event) = events.next().await? {
            let Some(message) = event.message()? else {
                continue;
            };
            let id = message.get("id");
            if message.get("method").is_none() && id == Some(&json!(self.id)) {
                return Ok(Read::Response);
            }
            if let (Some(method), Some(id)) = (message.get("method"), id) {
                self.reply(method, id).await?;
            }
        }
        let last = events.last_id.clone().ok_or(ClientError::Broken)?;
        let away = Duration::from_millis(events.retry.unwrap_or(100));
        Ok(Read::ComeBack(last, away))
    }

    async fn reply(&self, method: &Value, id: &Value) -> Result<(), ClientError> {
        let result = match method.as_str() {
            Some("roots/list") => json!({"roots": []}),
            _ => json!({"action": "accept", "content": {"sure": true}}),
        };
        let reply = json!({"jsonrpc": "2.0", "id": id, "result": result});
        let mut request = self.post.clone();
        let content_type = value("application/json");
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        *request.body_mut() = Bytes::from(reply.to_string());
        self.peer.fetch(request).await?;
        Ok(())
    }
}
