//! The socket of the process that serves, in the data folder: one line of JSON in, one out.
//!
//! Whoever can open it can read the folder, the key in it and the sessions anyway: it is for the user that the process runs as
//! and for nobody else (threat G3).

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use entra_mcp_core::log_event::{Field, LogEvent, LogEventId};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Reply, Request};
use crate::{
    key_command::KeyStatus,
    log,
    unix::{
        local_socket::{self, LocalStream},
        stopped::Stopped,
    },
};

/// Its name in the data folder.
pub(crate) const FILE: &str = "operator.sock";

/// The longest request.
const REQUEST_BYTES: u64 = 4096;

/// How long nothing is accepted after that failed.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_secs(1);

/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the process that serves is asked.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Question {
    Keys(KeyQuestion),
    Sessions(Request),
}

/// What it is asked about the master keys.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyQuestion {
    /// How many records need each of them?
    KeyStatus,
}

/// What it says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Told {
    Keys(KeyStatus),
    Sessions(Reply),
}

/// Asks the process that serves; `None` if none does.
///
/// # Errors
///
/// It does not answer.
pub(crate) fn ask<T: DeserializeOwned>(
    path: &Path,
    question: &impl Serialize,
) -> io::Result<Option<T>> {
    let Ok(mut socket) = LocalStream::connect(path) else {
        return Ok(None);
    };
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.write_all(&line_of(question)?)?;
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line)?;
    Ok(Some(serde_json::from_str(&line)?))
}

/// Answers one request after the other, on a thread of its own. Without the socket the server serves all the same.
pub(crate) fn listen(
    path: &Path,
    stopped: &Arc<Stopped>,
    answer: impl Fn(&Question) -> Told + Send + 'static,
) {
    let stopped = Arc::clone(stopped);
    // The lock of the sessions' file says that no other process listens there.
    let listening = local_socket::listen(path).and_then(|listener| {
        let thread = std::thread::Builder::new().name("operator".to_owned());
        thread.spawn(move || {
            loop {
                match stopped.accept_local(&listener) {
                    Ok(None) => return,
                    // Who breaks off has asked for nothing.
                    Ok(Some(socket)) => drop(serve(socket, &answer)),
                    // Out of descriptors: others are closed meanwhile.
                    Err(_) => std::thread::sleep(AFTER_FAILED_ACCEPT),
                }
            }
        })
    });
    if let Err(error) = listening {
        let line = LogEvent::new(LogEventId::OperatorSocketUnavailable);
        let line = line.with_text(Field::Path, path.display().to_string());
        log(&line.with_text(Field::Error, error.to_string()));
    }
}

fn serve(mut socket: LocalStream, answer: &impl Fn(&Question) -> Told) -> io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new((&socket).take(REQUEST_BYTES)).read_line(&mut line)?;
    let question: Question = serde_json::from_str(&line)?;
    socket.write_all(&line_of(&answer(&question))?)
}

fn line_of(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}
