//! Processes that speak by lines: one thread runs each and waits for it, and one more serves each of its streams.
//! A process costs tens of megabytes, so its threads do not matter; and both runtimes have the same.
//!
//! Its streams are socket pairs, as those of Node's children are: the own end of one can be shut, so that nobody waits
//! for what a stray descendant holds open, and what was written before is read all the same.

mod credit;
mod lines;
mod processes;
mod streams;
#[cfg(test)]
mod tests;
mod watchdog;

use std::{
    io,
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use entra_mcp_core::ask::{Child, ChildEnd, ChildExit, ChildFault};
use process_wrap::std::{CommandWrap, CommandWrapper as _, ProcessSession};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

pub use self::processes::Processes;
use self::{credit::Credit, streams::Input};

/// The stack of a thread; its buffers are on the heap.
const STACK_BYTES: usize = 256 * 1024;

/// How many complaints wait to be taken; the process that has more to say waits.
const COMPLAINTS: u32 = 8;

/// What a process did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildSaid {
    /// It runs, under this number.
    Started(u32),
    /// It wrote this line.
    Line(Bytes),
    /// It wrote a line that is over the limit.
    TooLong,
    /// It wrote this to its error stream. Whoever takes it says so: [`RunningChild::complaint_taken`].
    Complaint(Bytes),
    /// The oldest of what it was fed was written.
    Fed,
    /// It reads no more.
    InputClosed,
    /// It writes no more lines.
    OutputClosed,
    /// It has ended, or was not started. Nothing comes after it.
    Ended(Result<ChildExit, ChildFault>),
}

/// Takes what a process did; says whether somebody still wants to know.
pub(crate) type Say = Arc<dyn Fn(ChildSaid) -> bool + Send + Sync>;

/// A process. To drop it kills its group.
#[derive(Debug)]
pub struct RunningChild(Arc<Process>);

#[derive(Debug)]
struct Process {
    group: Mutex<Group>,
    lines: Credit,
    complaints: Credit,
    input: Input,
}

#[derive(Debug)]
enum Group {
    /// It is not started yet; whether it is to be killed then.
    Starting { is_killed: bool },
    /// It runs, or was not waited for: the number is its own.
    Running(Pid),
    /// It was waited for.
    Gone,
}

impl RunningChild {
    /// Runs a process. What it does is said, until nobody wants to know it any more.
    pub fn start(
        processes: &Processes,
        child: Child,
        say: impl Fn(ChildSaid) -> bool + Send + Sync + 'static,
    ) -> Self {
        let process = Arc::new(Process {
            group: Mutex::new(Group::Starting { is_killed: false }),
            lines: Credit::new(0),
            complaints: Credit::new(COMPLAINTS),
            input: Input::default(),
        });
        let say: Say = Arc::new(say);
        let (runs, says) = (Arc::clone(&process), Arc::clone(&say));
        let processes = processes.clone();
        let started = spawn("child", move || {
            let ended = runs.run(&child, &processes, &says);
            says(ChildSaid::Ended(ended));
        });
        if started.is_err() {
            say(ChildSaid::Ended(Err(ChildFault::Failed)));
        }
        Self(process)
    }

    /// Lets one more line come.
    pub fn more(&self) {
        self.0.lines.add();
    }

    /// Lets one more complaint come.
    pub fn complaint_taken(&self) {
        self.0.complaints.add();
    }

    /// Writes this to its input.
    pub fn feed(&self, bytes: Bytes) {
        self.0.input.feed(bytes);
    }

    /// Ends it.
    pub fn end(&self, end: ChildEnd) {
        match end {
            ChildEnd::CloseInput => self.0.input.close(),
            ChildEnd::Terminate => self.0.signal(Signal::TERM),
            ChildEnd::Kill => self.0.signal(Signal::KILL),
        }
    }
}

impl Drop for RunningChild {
    fn drop(&mut self) {
        self.0.signal(Signal::KILL);
        self.0.lines.close();
        self.0.complaints.close();
        self.0.input.close();
    }
}

impl Process {
    /// Runs the process from its beginning to its end.
    fn run(
        self: &Arc<Self>,
        child: &Child,
        processes: &Processes,
        say: &Say,
    ) -> Result<ChildExit, ChildFault> {
        processes.watch();
        let (mut running, streams) = start(child).map_err(|error| fault(&error))?;
        let number = running.id();
        let pid = Pid::from_child(&running);
        write_no_core(pid);
        self.begin(pid);
        processes.add(number, self);
        say(ChildSaid::Started(number));
        let served = self.serve(streams, child.line_limit, say);
        if served.is_err() {
            self.signal(Signal::KILL);
        }
        self.wait_until_over(pid);
        // Not a moment without either number or process: another could get the number.
        let mut group = self.group();
        let _ = kill_process_group(pid, Signal::KILL);
        processes.ended(number);
        let status = running.wait();
        *group = Group::Gone;
        drop(group);
        processes.remove(number);
        reap_adopted(pid);
        self.input.close();
        for (stream, reader) in served.map_err(|error| fault(&error))? {
            // What was written is read; what a descendant that got away still writes is not waited for.
            let _ = stream.shutdown(Shutdown::Read);
            let _ = reader.join();
        }
        Ok(exit(status.map_err(|error| fault(&error))?))
    }

    fn begin(&self, pid: Pid) {
        let mut group = self.group();
        if matches!(*group, Group::Starting { is_killed: true }) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        *group = Group::Running(pid);
    }

    /// Begins to serve its streams. Those that it writes come back, each with who reads it.
    fn serve(
        self: &Arc<Self>,
        [input, output, error]: [UnixStream; 3],
        line_limit: usize,
        say: &Say,
    ) -> io::Result<Vec<(UnixStream, JoinHandle<()>)>> {
        let with = || (Arc::clone(self), Arc::clone(say));
        self.input.attach(input.try_clone()?);
        let (process, says) = with();
        spawn("child input", move || process.input.write(input, &*says))?;
        let (process, says) = with();
        let read = output.try_clone()?;
        let output_read = spawn("child output", move || {
            streams::read_lines(read, line_limit, &process.lines, &*says);
        })?;
        let (process, says) = with();
        let read = error.try_clone()?;
        let error_read = spawn("child errors", move || {
            streams::read_complaints(read, &process.complaints, &*says);
        });
        Ok(vec![(output, output_read), (error, error_read?)])
    }

    /// Waits until it is over, and leaves it to be waited for: so its number is not given to another.
    fn wait_until_over(&self, pid: Pid) {
        let over = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), over) {}
    }

    fn signal(&self, signal: Signal) {
        let mut group = self.group();
        match &mut *group {
            Group::Starting { is_killed } => *is_killed = true,
            Group::Running(pid) => drop(kill_process_group(*pid, signal)),
            Group::Gone => {}
        }
    }

    fn group(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a process, and returns the own ends of its streams: input, output, errors.
fn start(child: &Child) -> io::Result<(std::process::Child, [UnixStream; 3])> {
    let mut command = Command::new(&child.program);
    command.args(&child.arguments).env_clear();
    // A session of its own, which has no terminal: whoever has one may type into it (CVE-2016-2779 and others). It is a group, too.
    ProcessSession.pre_spawn(&mut command, &CommandWrap::from(Command::new("")))?;
    for (name, value) in &child.environment {
        command.env(name, value.expose());
    }
    if let Some(folder) = &child.folder {
        command.current_dir(folder);
    }
    if let Some(user) = child.user {
        command.uid(user.uid).gid(user.gid);
    }
    let pair = || -> io::Result<(UnixStream, Stdio)> {
        let (own, other) = UnixStream::pair()?;
        Ok((own, Stdio::from(OwnedFd::from(other))))
    };
    let ((input, stdin), (output, stdout), (error, stderr)) = (pair()?, pair()?, pair()?);
    let running = command.stdin(stdin).stdout(stdout).stderr(stderr).spawn()?;
    Ok((running, [input, output, error]))
}

/// What is in its memory is not written to the disk if it crashes.
fn write_no_core(pid: Pid) {
    #[cfg(target_os = "linux")]
    {
        let none = rustix::process::Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let core = rustix::process::Resource::Core;
        let _ = rustix::process::prlimit(Some(pid), core, none);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = pid;
}

/// Where this process is the first of its container, descendants that lost their parents are its children. They were
/// killed with their group, and are waited for.
fn reap_adopted(group: Pid) {
    while let Ok(Some(_)) | Err(rustix::io::Errno::INTR) =
        waitid(WaitId::Pgid(Some(group)), WaitIdOptions::EXITED)
    {}
}

fn exit(status: ExitStatus) -> ChildExit {
    match (status.code(), status.signal()) {
        (Some(code), _) => ChildExit::Code(code),
        (None, signal) => ChildExit::Signal(signal.unwrap_or_default()),
    }
}

fn fault(error: &io::Error) -> ChildFault {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ChildFault::NotFound,
        io::ErrorKind::PermissionDenied => ChildFault::NotPermitted,
        _ => ChildFault::Failed,
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.stack_size(STACK_BYTES).spawn(work)
}
