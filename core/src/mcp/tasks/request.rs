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
    ask::{Awaiting, Store},
    event::Answer,
    hub::{TaskUpdate, ToHubKind, UpdateTask},
    id::TaskId,
    json_rpc::{Error, Json, Request},
    limits,
    step::{Cx, Progress},
};

/// A request about a task.
#[derive(Debug)]
pub(crate) struct TaskRequest {
    task: TaskId,
    owner: TaskOwner,
    state: State,
}

#[derive(Debug)]
enum State {
    /// What the client wants of the task: nothing, if it asks how far the task is.
    Reading(Option<Box<TaskUpdate>>, Awaiting<Store>),
    /// The hub looks whether the task runs here.
    Routing(Box<TaskUpdate>, Awaiting<UpdateTask>),
    /// The update is left for wherever the task runs.
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
        let task = request.params.get("taskId").and_then(Json::as_str);
        let update = match request.method.as_str() {
            "tasks/cancel" => Some(TaskUpdate {
                cancel: true,
                responses: Map::new(),
            }),
            "tasks/update" => match request.params.get("inputResponses").and_then(Json::to_map) {
                Some(responses) => Some(TaskUpdate {
                    cancel: false,
                    responses,
                }),
                None => {
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
            state: State::Reading(update.map(Box::new), reading),
        })
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> TaskRequestProgress {
        let Self { task, owner, state } = self;
        let state = match state {
            State::Reading(update, reading) => {
                let Ok(stored) = reading.into_answer(answer) else {
                    return Progress::Ready(Err(unavailable()));
                };
                let keys = &cx.env.server.keys;
                let open = |stored| TaskRecord::open(task, &owner, &stored, keys);
                let Some(record) = stored.and_then(open) else {
                    return Progress::Ready(Err(unknown()));
                };
                match update {
                    None => return Progress::Ready(Ok(record.to_json(task))),
                    // What is over is not changed, and saying so late is no fault.
                    Some(_) if record.status.is_final() => return Progress::Ready(Ok(Map::new())),
                    Some(update) => {
                        let routing = cx.ask_hub(|ticket| ToHubKind::UpdateTask {
                            ticket,
                            task,
                            principal: owner.principal,
                            update: update.clone(),
                        });
                        State::Routing(update, routing)
                    }
                }
            }
            State::Routing(update, routing) => {
                if routing.into_answer(answer) {
                    return Progress::Ready(Ok(Map::new()));
                }
                let put = update.put(task, &owner, cx);
                State::Storing(cx.store(put))
            }
            State::Storing(storing) => {
                let stored = storing.into_answer(answer);
                return Progress::Ready(stored.map(|_| Map::new()).map_err(|_| unavailable()));
            }
        };
        Progress::Pending(Self { task, owner, state })
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
