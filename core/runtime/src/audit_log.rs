//! The audit log: one JSON object a line for each event that it tells of, into a file of its own.
//!
//! A thread writes, so that a slow disk delays nobody. What it cannot write is counted and said, in the log at once and in
//! the audit log itself as soon as it can be written again: the server goes on.

mod file;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use entra_mcp_core::{
    config::AuditLogFile,
    log_event::{LogEvent, Throttle},
};
use tracing_subscriber::fmt::{format::Writer, time::FormatTime as _};

use self::file::AuditFile;
use crate::{StartError, boot::ProcessOwner, unix::signals};

/// How many lines may wait for the disk: some megabytes, which a server under load fills in a second.
const QUEUED_LINES: usize = 16 * 1024;

/// The most lines that are written at once.
const BATCH_LINES: usize = 1024;

/// How often it is looked whether a burst is over, or what was left out can be said.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(1);

/// How long an end of the server waits for the disk.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is looked then whether a full queue has room.
const ROOM_INTERVAL: Duration = Duration::from_millis(10);

/// What the thread that writes is told.
enum Message {
    Line(String),
    Reopen,
    /// Write what came before, and say so.
    Flush(SyncSender<()>),
}

/// The way to the thread that writes.
struct Queue {
    location: AuditLogFile,
    sender: SyncSender<Message>,
    throttle: Throttle,
    began: Instant,
}

/// One for the process, as the log is.
static QUEUE: Mutex<Option<Queue>> = Mutex::new(None);

/// How many lines found no room.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Begins to write the audit log, and opens it anew after each SIGHUP that is ours. It goes on with that which an earlier server
/// of this process has begun.
///
/// # Errors
///
/// The file cannot be opened, it is not that of an earlier server, or the system gives no thread.
pub(crate) fn start(location: &AuditLogFile, owner: ProcessOwner) -> Result<(), StartError> {
    if let Some(queue) = &*queue() {
        return match queue.location == *location {
            true => Ok(()),
            false => Err(StartError::AnotherAuditLog {
                path: file::name(&queue.location),
            }),
        };
    }
    let file = AuditFile::open(location).map_err(|error| StartError::AuditLogUnopened {
        path: file::name(location),
        error,
    })?;
    let (sender, receiver) = sync_channel(QUEUED_LINES);
    if owner == ProcessOwner::Server {
        reopen_on_hangup(sender.clone());
    }
    let started = thread::Builder::new()
        .name("audit-log".to_owned())
        .spawn(move || run(file, &receiver));
    started.map_err(|error| StartError::AuditLogUnopened {
        path: file::name(location),
        error,
    })?;
    *queue() = Some(Queue {
        location: location.clone(),
        sender,
        throttle: Throttle::default(),
        began: Instant::now(),
    });
    Ok(())
}

fn reopen_on_hangup(sender: SyncSender<Message>) {
    signals::on_hangup("audit-hangup", move || sender.send(Message::Reopen).is_ok());
}

fn queue() -> std::sync::MutexGuard<'static, Option<Queue>> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the line of an event, if there is an audit log and it tells of it. Of a burst by strangers the first lines are written.
pub(crate) fn write(event: &LogEvent) {
    if event.id().audit_outcome().is_none() {
        return;
    }
    // Under the lock it is only looked whether the line is wanted: it is made by whoever has it.
    let admitted = queue().as_mut().and_then(|queue| queue.admit(event));
    if let Some(sender) = admitted
        && let Some(line) = event.audit_line(&now())
    {
        send(&sender, line);
    }
}

fn send(sender: &SyncSender<Message>, line: String) {
    if sender.try_send(Message::Line(line)).is_err() {
        LEFT_OUT.fetch_add(1, Ordering::Relaxed);
    }
}

impl Queue {
    fn admit(&mut self, event: &LogEvent) -> Option<SyncSender<Message>> {
        let is_admitted =
            !event.is_of_a_stranger() || self.throttle.admits(event.id(), self.began.elapsed());
        is_admitted.then(|| self.sender.clone())
    }

    fn summarize(&mut self, until: Duration) {
        for summary in self.throttle.summaries(until) {
            send(&self.sender, summary.audit_summary(&now()));
        }
    }
}

/// Writes what waits: the server ends.
pub(crate) fn finish() {
    let sender = queue().as_mut().map(|queue| {
        queue.summarize(Duration::MAX);
        queue.sender.clone()
    });
    if let Some(sender) = sender {
        flush(&sender, END_TIMEOUT);
    }
}

/// Waits until all that was sent is written, for so long at most: a disk that does not answer keeps nobody from ending,
/// even where the queue is full.
fn flush(sender: &SyncSender<Message>, within: Duration) {
    let began = Instant::now();
    let (written, receiver) = sync_channel(1);
    let mut message = Message::Flush(written);
    while let Err(TrySendError::Full(unsent)) = sender.try_send(message) {
        if began.elapsed() >= within {
            return;
        }
        message = unsent;
        // A bounded channel tells nobody that it has room again.
        thread::sleep(ROOM_INTERVAL);
    }
    let _ = receiver.recv_timeout(within.saturating_sub(began.elapsed()));
}

/// The thread that writes.
fn run(mut file: AuditFile, receiver: &Receiver<Message>) {
    loop {
        let first = match receiver.recv_timeout(SUMMARY_INTERVAL) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(queue) = &mut *queue() {
                    let elapsed = queue.began.elapsed();
                    queue.summarize(elapsed);
                }
                None
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let (mut lines, mut other) = (Vec::new(), None);
        for message in first
            .into_iter()
            .chain(receiver.try_iter().take(BATCH_LINES))
        {
            match message {
                Message::Line(line) => lines.push(line),
                message => {
                    other = Some(message);
                    break;
                }
            }
        }
        file.write(&lines, LEFT_OUT.swap(0, Ordering::Relaxed));
        match other {
            Some(Message::Reopen) => file.reopen(),
            Some(Message::Flush(written)) => {
                let _ = written.send(());
            }
            Some(Message::Line(_)) | None => {}
        }
    }
}

/// The time now, as RFC 3339 has it.
fn now() -> String {
    let mut time = String::with_capacity(27);
    // Writing into a String does not fail.
    let _ = tracing_subscriber::fmt::time::SystemTime.format_time(&mut Writer::new(&mut time));
    time
}
