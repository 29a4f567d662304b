//! What the store has of a task.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    admit::caller::Caller,
    ask::{Guard, Key, Record, Store, Stored},
    catalog::TaskTimes,
    env::Server,
    hub::TaskUpdate,
    id::{PrincipalId, TaskId},
    keys::{Keyring, Purpose, SealingKey},
    limits,
    planted::Planted,
    secret::Wiped,
    step::Cx,
    time::UnixTime,
};

/// A task, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TaskRecord {
    pub(super) created: UnixTime,
    pub(super) updated: UnixTime,
    pub(super) status: Status,
    /// What its tool says of how far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    #[serde(default)]
    times: Times,
}

/// What its tool says of its tasks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Times {
    ttl: u64,
    poll_interval: u64,
}

impl Times {
    fn of(times: TaskTimes) -> Self {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            ttl: milliseconds(times.ttl),
            poll_interval: milliseconds(times.poll_interval),
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self::of(TaskTimes::default())
    }
}

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Status {
    Working,
    /// Its questions, by key.
    InputRequired(Map<String, Value>),
    /// The result of the call.
    Completed(Map<String, Value>),
    /// The error of the call.
    Failed(Value),
    Cancelled,
}

impl Status {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired(_) => "input_required",
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will come after it.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self, Self::Working | Self::InputRequired(_))
    }
}

impl TaskRecord {
    /// A task that begins.
    pub(super) fn new(now: UnixTime, times: TaskTimes) -> Self {
        Self {
            created: now,
            updated: now,
            status: Status::Working,
            message: None,
            times: Times::of(times),
        }
    }

    /// As it was when it began.
    pub(super) fn begun(&self) -> Self {
        Self {
            updated: self.created,
            status: Status::Working,
            message: None,
            ..self.clone()
        }
    }

    /// Opens what is stored of a task of this owner; of another's, nothing (threat I4).
    pub(super) fn open(
        task: TaskId,
        owner: &TaskOwner,
        stored: &Stored,
        keys: &Keyring,
    ) -> Option<Self> {
        serde_json::from_slice(&open(task, owner, stored, keys)?).ok()
    }

    /// The store operation that writes it. What is not over ends by itself unless it is written again.
    pub(super) fn put(
        &self,
        task: TaskId,
        owner: &TaskOwner,
        guard: Guard,
        cx: &mut Cx<'_>,
    ) -> Store {
        let mut text = serde_json::to_vec(self).expect("a task is plain data");
        if text.len() > limits::TASK_BYTES {
            let error = json!({"code": -32603, "message": "The result is too large for a task."});
            let failed = Self {
                status: Status::Failed(error),
                ..self.clone()
            };
            text = serde_json::to_vec(&failed).expect("a task is plain data");
        }
        let ttl = Duration::from_millis(self.times.ttl).min(limits::TASK_TTL);
        let end = self.created.after(ttl);
        let expires = match self.status.is_final() {
            true => end,
            false => cx.env.now.unix.after(limits::TASK_HEARTBEAT).min(end),
        };
        seal((key(task), task), owner, &text, expires, guard, cx)
    }

    /// As a client gets it, without `resultType`.
    pub(super) fn to_json(&self, task: TaskId) -> Map<String, Value> {
        let mut members = Map::from_iter([
            ("taskId".to_owned(), json!(task.to_string())),
            ("status".to_owned(), json!(self.status.as_str())),
            ("createdAt".to_owned(), json!(self.created.to_string())),
            ("lastUpdatedAt".to_owned(), json!(self.updated.to_string())),
            ("ttlMs".to_owned(), json!(self.times.ttl)),
            ("pollIntervalMs".to_owned(), json!(self.times.poll_interval)),
        ]);
        if let Some(message) = &self.message {
            members.insert("statusMessage".to_owned(), json!(message));
        }
        match &self.status {
            Status::InputRequired(requests) => {
                members.insert("inputRequests".to_owned(), json!(requests));
            }
            Status::Completed(result) => {
                members.insert("result".to_owned(), json!(result));
            }
            Status::Failed(error) => {
                members.insert("error".to_owned(), error.clone());
            }
            Status::Working | Status::Cancelled => {}
        }
        members
    }
}

impl TaskUpdate {
    /// How many bytes it has as it is stored.
    pub(super) fn len(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |text| text.len())
    }

    /// The store operation that leaves it for the replica that runs the task. A later one replaces it.
    pub(super) fn put(&self, task: TaskId, owner: &TaskOwner, cx: &mut Cx<'_>) -> Store {
        let text = serde_json::to_vec(self).expect("what a client says is plain data");
        let expires = cx.env.now.unix.after(limits::TASK_HEARTBEAT);
        let key = (update_key(task), task);
        seal(key, owner, &text, expires, Guard::Any, cx)
    }

    /// Opens what was left.
    pub(super) fn open(
        task: TaskId,
        owner: &TaskOwner,
        stored: &Stored,
        keys: &Keyring,
    ) -> Option<Self> {
        serde_json::from_slice(&open(task, owner, stored, keys)?).ok()
    }
}

/// Whose a task is, and what its records are sealed under, beside the master key: any token of the session
/// that began it leads to that, and nothing else does (threats G3, I4).
#[derive(Clone, Debug)]
pub(super) struct TaskOwner {
    pub(super) principal: PrincipalId,
    key: SealingKey,
}

impl TaskOwner {
    /// The owner of the tasks of this caller.
    pub(super) fn of(caller: &Caller, server: &Server) -> Self {
        if server.has(Planted::TasksShared) {
            return Self {
                principal: PrincipalId([0; 32]),
                key: SealingKey::new([0; 32]),
            };
        }
        Self {
            principal: caller.principal_id,
            key: caller.whole_session(server).key,
        }
    }
}

fn seal(
    (key, task): (Key, TaskId),
    owner: &TaskOwner,
    text: &[u8],
    expires: UnixTime,
    guard: Guard,
    cx: &mut Cx<'_>,
) -> Store {
    let keys = &cx.env.server.keys;
    let (context, share) = (context(task, owner.principal), owner.key.expose());
    let sealed = keys.seal(Purpose::Task, &context, share, text, cx.entropy);
    let bytes = sealed.into();
    Store::Put(key, Record { bytes, expires }, guard)
}

fn open(task: TaskId, owner: &TaskOwner, stored: &Stored, keys: &Keyring) -> Option<Wiped> {
    let (context, share) = (context(task, owner.principal), owner.key.expose());
    keys.open(Purpose::Task, &context, share, &stored.record.bytes)
}

/// Where a task is stored.
pub(super) fn key(task: TaskId) -> Key {
    Key(format!("task/{task}"))
}

/// Where what its client says on another replica is left.
pub(super) fn update_key(task: TaskId) -> Key {
    Key(format!("task-update/{task}"))
}

pub(super) fn context(task: TaskId, principal: PrincipalId) -> Vec<u8> {
    let mut context = b"task".to_vec();
    context.extend(task.0);
    context.extend(principal.0);
    context
}
