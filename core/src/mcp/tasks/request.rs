//! `tasks/get`, `tasks/update` and `tasks/cancel`.
//!
//! ```text
//! Reading --get--> its state
//!    |  +--update, cancel--> Telling --it runs here--> acknowledged
//!    |                          +--elsewhere--> Leaving --written--> acknowledged
//!    +--unknown, or another's--> -32602
//! ```

use serde_json::{Map, Value};

use super::record::{self, TaskOwner, TaskRecord};
use crate::{
    admit::caller::Caller,
    ask::{Ask, Awaiting, Store},
    event::Event,
    hub::{FromHub, FromHubKind, TaskUpdate, ToHub, ToHubKind},
    id::TaskId,
    json_rpc::{Error, Request},
    step::Cx,
};

/// A request about a task.
#[derive(Debug)]
pub(crate) struct Asked {
    task: TaskId,
    owner: TaskOwner,
    /// What the client says; nothing, if it asks how far the task is.
    update: Option<Box<TaskUpdate>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading(Awaiting<Store>),
    Telling,
    Leaving(Awaiting<Store>),
}

/// How far the request is.
#[derive(Debug)]
pub(crate) enum Asking {
    Waiting(Asked),
    Done(Result<Map<String, Value>, Error>),
}

impl Asked {
    /// Begins.
    pub(crate) fn start(request: &Request, caller: &Caller, cx: &mut Cx<'_>) -> Asking {
        let task = request.params.get("taskId").and_then(Value::as_str);
        let update = match request.method.as_str() {
            "tasks/cancel" => Some(TaskUpdate {
                cancel: true,
                responses: Map::new(),
            }),
            "tasks/update" => match request.params.get("inputResponses") {
                Some(Value::Object(responses)) => Some(TaskUpdate {
                    cancel: false,
                    responses: responses.clone(),
                }),
                _ => {
                    let words = "The parameter `inputResponses` must be an object.";
                    return Asking::Done(Err(Error::invalid_params(words)));
                }
            },
            _ => None,
        };
        let Some(task) = task.and_then(TaskId::parse) else {
            return Asking::Done(Err(unknown()));
        };
        let reading = cx.store(Store::Get(record::key(task)));
        Asking::Waiting(Self {
            task,
            owner: TaskOwner::of(caller, cx.env.server),
            update: update.map(Box::new),
            state: State::Reading(reading),
        })
    }

    /// The next state after an event.
    pub(crate) fn handle(mut self, event: Event, cx: &mut Cx<'_>) -> Asking {
        match (&self.state, event) {
            (State::Reading(reading), Event::Stored(answered)) => match reading.take(answered) {
                Some(answer) => self.read(answer, cx),
                None => Asking::Waiting(self),
            },
            (State::Telling, Event::FromHub(FromHub(FromHubKind::TaskUpdateRouted(true)))) => {
                Asking::Done(Ok(Map::new()))
            }
            (State::Telling, Event::FromHub(FromHub(FromHubKind::TaskUpdateRouted(false)))) => {
                let update = self.update.take().unwrap_or_default();
                let put = update.put(self.task, &self.owner, cx);
                self.state = State::Leaving(cx.store(put));
                Asking::Waiting(self)
            }
            (State::Leaving(leaving), Event::Stored(answered)) => match leaving.take(answered) {
                Some(Ok(_)) => Asking::Done(Ok(Map::new())),
                Some(Err(_)) => Asking::Done(Err(unavailable())),
                None => Asking::Waiting(self),
            },
            _ => Asking::Waiting(self),
        }
    }

    fn read(mut self, answer: <Store as Ask>::Answer, cx: &mut Cx<'_>) -> Asking {
        let Ok(stored) = answer else {
            return Asking::Done(Err(unavailable()));
        };
        let (task, owner) = (self.task, &self.owner);
        let keys = &cx.env.server.keys;
        let record = stored.and_then(|stored| TaskRecord::open(task, owner, &stored, keys));
        let Some(record) = record else {
            return Asking::Done(Err(unknown()));
        };
        match &self.update {
            None => Asking::Done(Ok(record.to_json(task))),
            // What is over is not changed, and saying so late is no fault.
            Some(_) if record.status.is_final() => Asking::Done(Ok(Map::new())),
            Some(update) => {
                let (update, principal) = (update.clone(), owner.principal);
                cx.to_hub(ToHub(ToHubKind::UpdateTask {
                    task,
                    principal,
                    update,
                }));
                self.state = State::Telling;
                Asking::Waiting(self)
            }
        }
    }
}

fn unknown() -> Error {
    Error::invalid_params("There is no such task, or it is no longer kept.")
}

fn unavailable() -> Error {
    Error::new(
        Error::INTERNAL,
        "The tasks cannot be read at the moment. Please try again.",
    )
}
