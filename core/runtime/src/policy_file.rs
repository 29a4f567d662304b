//! What users may do of that which the backend offers, in a file (`--policy`): read at the start, again when it changes, and after
//! SIGHUP. A file that is wrong stops the start; later what was read before stays in use, and the log says what is wrong. Scopes are
//! read at the start only, for clients have been told of them.

mod read;
#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Display},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use entra_mcp_core::{
    catalog::ScopeDefinition,
    config::Config,
    log_event::{Field, LogEvent, LogEventId},
    policy::Policy,
};

use crate::{
    boot::ProcessOwner,
    clients_file::{POLL_INTERVAL, Stamp, stamp},
    log,
    published::{Held, Published},
    unix::{signals, stopped::Stopped},
};

/// The policy, as of now.
#[derive(Debug, Default)]
pub struct SharedPolicy(Published<Policy>, Mutex<()>);

impl SharedPolicy {
    /// Returns what was read last.
    pub fn current(&self) -> Held<Policy> {
        self.0.current()
    }

    /// Makes what was read the newest.
    pub(crate) fn renew(&self, held: &mut Held<Policy>) {
        self.0.renew(held);
    }

    /// The policy of this backend is another from now on.
    fn replace(&self, backend: Option<&str>, policy: Policy) {
        let _one_at_a_time = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Policy::clone(&self.current());
        match backend {
            Some(name) => drop(all.backends.insert(name.to_owned(), policy)),
            None => {
                let backends = std::mem::take(&mut all.backends);
                all = Policy { backends, ..policy };
            }
        }
        self.0.replace(Arc::new(all));
    }

    /// Reads the files that the settings name, if they do, and reads them again from now on whenever they change. With them come the
    /// scopes that they offer.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn open(
        config: &Config,
        offered: &[ScopeDefinition],
        stopped: &Arc<Stopped>,
        owner: ProcessOwner,
    ) -> Result<(Arc<Self>, Vec<ScopeDefinition>), PolicyFileError> {
        let policy = Arc::new(Self::default());
        let offered: Vec<String> = offered.iter().map(|scope| scope.name.clone()).collect();
        let mut scopes: Vec<ScopeDefinition> = Vec::new();
        for (_, gateway) in config.gateways() {
            let Some(path) = gateway.policy.clone() else {
                continue;
            };
            // Before the file is read: from then on a signal means that it is to be read again.
            let asked = Arc::new(AtomicBool::new(false));
            if owner == ProcessOwner::Server {
                signals::set_on_hangup(Arc::clone(&asked));
            }
            let seen = stamp(&path);
            let contents = read::file(&path, offered.clone())?;
            let backend = gateway.name.as_ref().map(|name| name.as_str().to_owned());
            policy.replace(backend.as_deref(), contents.policy);
            for scope in &contents.scopes {
                match scopes.iter().find(|one| one.name == scope.name) {
                    Some(known) if known == scope => {}
                    Some(_) => {
                        let problem = format!(
                            "The scope {:?} is offered with other words in the policy of another server. Write the same, or another name.",
                            scope.name
                        );
                        let problems = vec![problem];
                        return Err(PolicyFileError { path, problems });
                    }
                    None => scopes.push(scope.clone()),
                }
            }
            let file = PolicyFile {
                path,
                backend,
                seen,
                offered: contents.offered,
                scopes: contents.scopes,
            };
            file.watch(Arc::clone(&policy), asked, Arc::clone(stopped));
        }
        Ok((policy, scopes))
    }
}

/// What is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong and in which line, and what to write: at least one.
    pub problems: Vec<String>,
}

impl Display for PolicyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is wrong:", self.path.display())?;
        let mut problems = self.problems.iter();
        problems.try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for PolicyFileError {}

/// The file, and what it was like when it was read.
#[derive(Debug)]
struct PolicyFile {
    path: PathBuf,
    /// The name of the backend whose it is, if it is one of several.
    backend: Option<String>,
    seen: Stamp,
    /// The scopes of the server besides those of the file.
    offered: Vec<String>,
    scopes: Vec<ScopeDefinition>,
}

impl PolicyFile {
    /// Looks at the file now and then, for as long as the server runs.
    fn watch(mut self, policy: Arc<SharedPolicy>, asked: Arc<AtomicBool>, stopped: Arc<Stopped>) {
        let path = self.path.clone();
        let watch = move || {
            let mut last = self.seen;
            while !stopped.within(POLL_INTERVAL) {
                let now = stamp(&self.path);
                // Whoever writes the file is done with it.
                let is_settled = now == last;
                if asked.swap(false, Ordering::Relaxed) || (now != self.seen && is_settled) {
                    self.seen = now;
                    self.reread(&policy);
                }
                last = now;
            }
        };
        let started = std::thread::Builder::new().name("policy".to_owned());
        if let Err(error) = started.spawn(watch) {
            unusable(&path, error.to_string());
        }
    }

    fn reread(&self, policy: &SharedPolicy) {
        match read::file(&self.path, self.offered.clone()) {
            Ok(contents) if contents.scopes == self.scopes => {
                log(&LogEvent::new(LogEventId::PolicyRead)
                    .with(Field::Path, self.path.display().to_string())
                    .with(Field::Count, contents.policy.len().to_string()));
                policy.replace(self.backend.as_deref(), contents.policy);
            }
            Ok(_) => unusable(
                &self.path,
                "The scopes have changed. Restart the server, for clients were told of those that there were.".to_owned(),
            ),
            Err(error) => {
                for problem in error.problems {
                    unusable(&self.path, problem);
                }
            }
        }
    }
}

fn unusable(path: &Path, problem: String) {
    log(&LogEvent::new(LogEventId::PolicyUnusable)
        .with(Field::Path, path.display().to_string())
        .with_text(Field::Error, problem));
}
