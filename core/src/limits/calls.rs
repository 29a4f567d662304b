//! Bounds of calls, tasks, what is kept for clients that come back, and settings of MCP sessions.

use std::{ops::RangeInclusive, time::Duration};

/// How long a call may take, questions to the user included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(600);

/// How long an operator may have a call take: a connection is held for as long.
pub const CALL_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// How long an operator may have a task take: its record has to outlive it by a while.
pub const TASK_TIMEOUT_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=TASK_TIMEOUT;

/// The longest status message of a task, in characters: it is stored, and read by people.
pub const STATUS_MESSAGE_CHARS: usize = 256;

/// How many effects one call may have. The progress that a handler of the runtime reports is not counted; a
/// step function that does nothing else would never end.
pub const CALL_EFFECTS: usize = 10_000;

/// How many effects of one handler may wait for the one before.
pub const QUEUED_EFFECTS: usize = 1024;

/// How many progress notifications of one call are sent as fast as they come.
pub const PROGRESS_BURST: u32 = 32;

/// The shortest time between two progress notifications of one call after that: nobody reads faster.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// What an operator may have for that in a second.
pub const PROGRESS_PER_SECOND_BOUNDS: RangeInclusive<u32> = 1..=1000;

/// How long the client has to respond to a request for input, unless set: a user reads and thinks. The call has time
/// left to handle that there was no response.
pub const INPUT_TIMEOUT: Duration = Duration::from_secs(300);

/// What an operator may set for that: no call lasts longer than the most.
pub const INPUT_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(3600);

/// The longest message of a client's error that a tool is given, in characters.
pub const CLIENT_ERROR_CHARS: usize = 1000;

/// How many causes of a fault the log tells, one behind the other: a line has no room for more.
pub const ERROR_SOURCES: usize = 8;

/// How many requests for input one call may have open at once.
pub const INPUT_REQUESTS: usize = 16;

/// How many calls of one user and client the hub knows by their request: these can be cancelled by a
/// message.
pub const CALLS_PER_PRINCIPAL: usize = 64;

/// What an operator may set it to.
pub const CALLS_PER_PRINCIPAL_BOUNDS: RangeInclusive<usize> = 1..=1024;

/// How many sessions the hub remembers to have ended lately: each was a store's write.
pub const ENDED_SESSIONS: usize = 1024;

/// How many calls the hub knows in all.
pub const CALLS: usize = 4096;

/// How long a task may run.
pub const TASK_TIMEOUT: Duration = Duration::from_secs(3000);

/// How long a task is there, from its beginning.
pub const TASK_TTL: Duration = Duration::from_secs(3600);

/// A task that is not heard of for this long is gone with the server that ran it.
pub const TASK_HEARTBEAT: Duration = Duration::from_secs(60);

/// How many tasks of one user and client run at once on one server.
pub const TASKS_PER_PRINCIPAL: usize = 16;

/// What an operator may set it to: no more than may be stored, each as large as any.
pub const TASKS_PER_PRINCIPAL_BOUNDS: RangeInclusive<usize> =
    1..=TASK_RECORD_BYTES_PER_PRINCIPAL / TASK_BYTES;

/// How many tasks run at once on one server.
pub const TASKS: usize = 1024;

/// The most bytes of a task's record: its result is in it.
pub const TASK_BYTES: usize = 1024 * 1024;

/// How many tasks of one user and client are stored, those that have ended included: each until its
/// [`TASK_TTL`] is over.
pub const TASK_RECORDS_PER_PRINCIPAL: usize = 256;

/// How many tasks that began on one server are stored in all.
pub const TASK_RECORDS: usize = 16 * 1024;

/// The most bytes of the stored tasks of one user and client. A task that runs counts as [`TASK_BYTES`].
pub const TASK_RECORD_BYTES_PER_PRINCIPAL: usize = 32 * 1024 * 1024;

/// The most bytes of all stored tasks that began on one server.
pub const TASK_RECORD_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// How many updates of one task may wait until they are applied; further ones are left in the store for it.
pub const TASK_UPDATES: usize = 64;

/// How long a `requestState` is good for: a user thinks before answering.
pub const REQUEST_STATE_LIFETIME: Duration = Duration::from_secs(3600);

/// The longest `requestState`, in bytes: answers so far are carried in it.
pub const REQUEST_STATE_BYTES: usize = 256 * 1024;

/// How many responses of one user and client are kept for clients that come back: as many as calls that can
/// be cancelled. The oldest that have ended go first; beyond that a response cannot be resumed, and its stream
/// says so.
pub const REPLAY_BUFFERS_PER_PRINCIPAL: usize = CALLS_PER_PRINCIPAL;

/// How long at least a response that has ended is kept for a client that was away: it makes no room for others
/// before that.
pub const REPLAY_RETURN: Duration = Duration::from_secs(60);

/// How many responses are kept in all.
pub const REPLAY_BUFFERS: usize = CALLS;

/// The most bytes of messages that are kept of one call; further ones are sent, but not kept.
pub const REPLAY_MESSAGE_BYTES: usize = 256 * 1024;

/// The most bytes of a response that are kept beside them; in place of a larger one an error is kept.
pub const REPLAY_BUFFER_BYTES: usize = 1024 * 1024;

/// The most bytes that are kept for one user and client. The oldest responses that have ended go first; beyond
/// that, as if one response were too large.
pub const REPLAY_BYTES_PER_PRINCIPAL: usize = 4 * 1024 * 1024;

/// The most bytes that are kept in all; likewise.
pub const REPLAY_BYTES: usize = 256 * 1024 * 1024;

/// How long a stream that ended is kept.
pub const REPLAY_RETENTION: Duration = Duration::from_secs(300);

/// How many MCP sessions of one sign-in have settings (log level, subscriptions). They stand in its record, which
/// every request reads. Clients that crash do not end theirs.
pub const MCP_SESSION_SETTINGS: usize = 64;

/// Settings that were not changed for this long make room for those of another MCP session.
pub const MCP_SESSION_SETTINGS_IDLE: Duration = Duration::from_secs(3600);

/// How many resources all MCP sessions of one sign-in are subscribed to: each is 16 bytes of its record.
pub const SUBSCRIPTIONS_PER_SIGN_IN: usize = 512;

/// How many changes of subscriptions the hub remembers for streams that begin just after: each was a store's write.
pub const TOLD_SUBSCRIPTIONS: usize = 1024;

/// How many resources one MCP session, or one `subscriptions/listen`, may be subscribed to.
pub const SUBSCRIPTIONS: usize = 64;

/// The longest URI of a resource.
pub const RESOURCE_URI_BYTES: usize = 4096;

/// How many values a completion has at most (MCP, completion).
pub const COMPLETIONS: usize = 100;

/// How many resources a function may list on one page: a client reads them all before it shows one.
pub const LISTED_RESOURCES: usize = 1000;

/// The longest cursor of a function that lists resources, in bytes: clients send it back.
pub const LIST_CURSOR_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{SESSIONS_PER_USER, STREAMS, STREAMS_PER_PRINCIPAL};

    // M5: whatever a user has with all clients together.
    #[test]
    fn one_user_takes_no_more_than_half_of_anything() {
        for (of_principal, of_server) in [
            (STREAMS_PER_PRINCIPAL, STREAMS),
            (CALLS_PER_PRINCIPAL, CALLS),
            (TASKS_PER_PRINCIPAL, TASKS),
            (TASK_RECORDS_PER_PRINCIPAL, TASK_RECORDS),
            (TASK_RECORD_BYTES_PER_PRINCIPAL, TASK_RECORD_BYTES),
            (REPLAY_BUFFERS_PER_PRINCIPAL, REPLAY_BUFFERS),
            (REPLAY_BYTES_PER_PRINCIPAL, REPLAY_BYTES),
        ] {
            let of_user = SESSIONS_PER_USER * of_principal;
            assert!(2 * of_user <= of_server, "{of_user} of {of_server}");
        }
    }
}
