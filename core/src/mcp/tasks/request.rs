//! `tasks/get`, `tasks/update` and `tasks/cancel`.
//!
//! ```text
//! Reading --get--> its status
//!    |  +--update, cancel--> Routing --it runs here--> acknowledged
//!    |                          +--elsewhere--> Storing --written--> acknowledged
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
    limits,
    step::{Cx, Progress},
};

/// A request about a task.
#[derive(Debug)]
pub(crate) struct TaskRequest {
    task: TaskId,
    owner: TaskOwner,
    /// What the client says; nothing, if it asks how far the task is.
    update: Option<Box<TaskUpdate>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading(Awaiting<Store>),
    Routing,
    Storing(Awaiting<Store>),
}

/// What a step of the request leaves.
pub(crate) type TaskRequestProgress = Progress<TaskRequest, Result<Map<String, Value>, Error>>;

impl TaskRequest {
    /// Reads the task that the request is about.
    pub(crate) fn start(
        request: &Request,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> TaskRequestProgress {
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
                    let message = "The parameter `inputResponses` must be an object.";
                    return Progress::Ready(Err(Error::invalid_params(message)));
                }
            },
            _ => None,
        };
        if update
            .as_ref()
            .is_some_and(|update| update.len() > limits::TASK_BYTES)
        {
            let message = "The parameter `inputResponses` is longer than 1 MiB.";
            return Progress::Ready(Err(Error::invalid_params(message)));
        }
        let Some(task) = task.and_then(TaskId::parse) else {
            return Progress::Ready(Err(unknown()));
        };
        let reading = cx.store(Store::Get(record::key(task)));
        Progress::Pending(Self {
            task,
            owner: TaskOwner::of(caller, cx.env.server),
            update: update.map(Box::new),
            state: State::Reading(reading),
        })
    }

    pub(crate) fn handle(mut self, event: Event, cx: &mut Cx<'_>) -> TaskRequestProgress {
        match (&self.state, event) {
            (State::Reading(reading), Event::Stored(answered)) => match reading.take(answered) {
                Some(answer) => self.read(answer, cx),
                None => Progress::Pending(self),
            },
            (State::Routing, Event::FromHub(FromHub(FromHubKind::TaskUpdateRouted(true)))) => {
                Progress::Ready(Ok(Map::new()))
            }
            (State::Routing, Event::FromHub(FromHub(FromHubKind::TaskUpdateRouted(false)))) => {
                let update = self.update.take().unwrap_or_default();
                let put = update.put(self.task, &self.owner, cx);
                self.state = State::Storing(cx.store(put));
                Progress::Pending(self)
            }
            (State::Storing(leaving), Event::Stored(answered)) => match leaving.take(answered) {
                Some(Ok(_)) => Progress::Ready(Ok(Map::new())),
                Some(Err(_)) => Progress::Ready(Err(unavailable())),
                None => Progress::Pending(self),
            },
            _ => Progress::Pending(self),
        }
    }

    fn read(mut self, answer: <Store as Ask>::Answer, cx: &mut Cx<'_>) -> TaskRequestProgress {
        let Ok(stored) = answer else {
            return Progress::Ready(Err(unavailable()));
        };
        let (task, owner) = (self.task, &self.owner);
        let keys = &cx.env.server.keys;
        let record = stored.and_then(|stored| TaskRecord::open(task, owner, &stored, keys));
        let Some(record) = record else {
            return Progress::Ready(Err(unknown()));
        };
        match &self.update {
            None => Progress::Ready(Ok(record.to_json(task))),
            // What is over is not changed, and saying so late is no fault.
            Some(_) if record.status.is_final() => Progress::Ready(Ok(Map::new())),
            Some(update) => {
                let (update, principal) = (update.clone(), owner.principal);
                cx.to_hub(ToHub(ToHubKind::UpdateTask {
                    task,
                    principal,
                    update,
                }));
                self.state = State::Routing;
                Progress::Pending(self)
            }
        }
    }
}

fn unknown() -> Error {
    Error::invalid_params("There is no such task, or it has expired.")
}

fn unavailable() -> Error {
    Error::new(
        Error::INTERNAL,
        "The tasks cannot be read at the moment. Please try again.",
    )
}
