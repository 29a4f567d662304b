//! The clients that the operator has registered, in a file (`--clients`): read at the start, again when it changes, and
//! after SIGHUP. A file that is wrong stops the start; later the list that was read before stays in use, and the log says
//! what is wrong.

mod read;
#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Display},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entra_mcp_core::{
    config::PreregisteredClients,
    env::Server,
    log_event::{Field, LogEvent, LogEventId},
};

use self::read::FileContents;
use crate::{
    boot::ProcessOwner,
    log,
    published::{Held, Published},
    settings,
    unix::{files, signals, stopped::Stopped},
};

/// How often the file is looked at.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The clients that the operator has registered, as of now.
#[derive(Debug, Default)]
pub struct SharedClients(Published<PreregisteredClients>);

impl SharedClients {
    /// Returns the list that was read last.
    pub fn current(&self) -> Held<PreregisteredClients> {
        self.0.current()
    }

    /// Makes what was read the newest.
    pub(crate) fn renew(&self, held: &mut Held<PreregisteredClients>) {
        self.0.renew(held);
    }

    fn replace(&self, clients: PreregisteredClients) {
        self.0.replace(Arc::new(clients));
    }

    /// Reads the file that the settings name, if they do, and reads it again from now on whenever it changes.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn open(
        server: &Arc<Server>,
        stopped: &Arc<Stopped>,
        owner: ProcessOwner,
    ) -> Result<Arc<Self>, ClientsFileError> {
        let clients = Arc::new(Self::default());
        if let Some(path) = server.config.clients.clone() {
            // Before the file is read: from then on a signal means that it is to be read again.
            let asked = Arc::new(AtomicBool::new(false));
            if owner == ProcessOwner::Server {
                signals::set_on_hangup(Arc::clone(&asked));
            }
            let mut file = ClientsFile {
                path,
                server: Arc::clone(server),
                seen: Vec::new(),
            };
            clients.replace(file.read()?);
            file.watch(Arc::clone(&clients), asked, Arc::clone(stopped));
        }
        Ok(clients)
    }
}

/// What is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientsFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and what to write: at least one.
    pub problems: Vec<String>,
}

impl Display for ClientsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is wrong:", self.path.display())?;
        let mut problems = self.problems.iter();
        problems.try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ClientsFileError {}

/// The file, and what it was like when it was read.
#[derive(Debug)]
struct ClientsFile {
    path: PathBuf,
    server: Arc<Server>,
    /// It and the files of secrets that it names.
    seen: Vec<(PathBuf, Stamp)>,
}

/// What changes when a file does; `None` if it is not there.
pub(crate) type Stamp = Option<files::Stamp>;

impl ClientsFile {
    /// Reads and checks the file.
    fn read(&mut self) -> Result<PreregisteredClients, ClientsFileError> {
        // Before it is read: what is written meanwhile is a change.
        let stamp_before = stamp(&self.path);
        let read = read_clients(&self.path, &self.server);
        let (clients, secret_files) = match read {
            Ok((clients, contents)) => (Ok(clients), contents.secret_files),
            Err((error, secret_files)) => (Err(error), secret_files),
        };
        self.seen = vec![(self.path.clone(), stamp_before)];
        let of_secrets = secret_files.into_iter().map(|path| {
            let stamp = stamp(&path);
            (path, stamp)
        });
        self.seen.extend(of_secrets);
        clients
    }

    /// Looks at the file now and then, for as long as the server runs.
    fn watch(mut self, clients: Arc<SharedClients>, asked: Arc<AtomicBool>, stopped: Arc<Stopped>) {
        let watch = move || {
            let mut last = self.stamps();
            while !stopped.within(POLL_INTERVAL) {
                let stamps = self.stamps();
                let is_changed = self.seen.iter().map(|(_, stamp)| stamp).ne(&stamps);
                // Whoever writes the file is done with it.
                let is_settled = stamps == last;
                if asked.swap(false, Ordering::Relaxed) || (is_changed && is_settled) {
                    self.reread(&clients);
                }
                last = stamps;
            }
        };
        let started = std::thread::Builder::new().name("clients".to_owned());
        if let Err(error) = started.spawn(watch) {
            let unusable = LogEvent::new(LogEventId::ClientsUnusable);
            log(&unusable.with(Field::Error, error.to_string()));
        }
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.seen.iter().map(|(path, _)| stamp(path)).collect()
    }

    fn reread(&mut self, clients: &SharedClients) {
        let path = self.path.display().to_string();
        match self.read() {
            Ok(read) => {
                log(&LogEvent::new(LogEventId::ClientsRead)
                    .with(Field::Path, path)
                    .with(Field::Count, read.len().to_string()));
                clients.replace(read);
            }
            Err(error) => {
                for problem in error.problems {
                    log(&LogEvent::new(LogEventId::ClientsUnusable)
                        .with(Field::Path, &path)
                        .with_text(Field::Error, problem));
                }
            }
        }
    }
}

type Read = Result<(PreregisteredClients, FileContents), (ClientsFileError, Vec<PathBuf>)>;

/// Reads a file and checks it.
fn read_clients(path: &Path, server: &Server) -> Read {
    let failed = |problems, files| {
        let path = path.to_owned();
        Err((ClientsFileError { path, problems }, files))
    };
    // Those of `.env` may have changed.
    let variables = match settings::variables() {
        Ok(variables) => variables,
        Err(error) => return failed(vec![error.to_string()], Vec::new()),
    };
    let mut contents = FileContents::read(path, &variables);
    let entries = std::mem::take(&mut contents.entries);
    match server.preregistered(entries) {
        Ok(clients) if contents.problems.is_empty() => Ok((clients, contents)),
        Ok(_) => failed(contents.texts(), contents.secret_files),
        Err(errors) => {
            contents.add(errors);
            failed(contents.texts(), contents.secret_files)
        }
    }
}

/// What the file is like now.
pub(crate) fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some(files::stamp(&metadata))
}
