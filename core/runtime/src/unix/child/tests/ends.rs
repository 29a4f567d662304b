//! How processes end, and what is left of them: nothing.

use std::path::PathBuf;

use super::{watchdog::Watchdog, *};

// R16
#[test]
fn child_that_ignores_a_request_to_end_is_killed() {
    let (talk, _) = Talk::of("trap '' TERM; echo ready; while read x; do echo $x; done");
    assert_eq!(talk.line(), "ready");
    talk.running.end(ChildEnd::Terminate);
    talk.feed("still here\n");
    assert_eq!(talk.line(), "still here");
    talk.running.end(ChildEnd::Kill);
    assert_eq!(talk.rest(), (Vec::new(), Ok(ChildExit::Signal(9))));
}

// R16
#[test]
fn descendants_end_with_their_group() {
    for (script, end) in [
        ("sleep 1000 & echo $!; wait", Some(ChildEnd::Kill)),
        ("sleep 1000 & echo $!; wait", Some(ChildEnd::Terminate)),
        (
            "sh -c 'sleep 1000; true' & echo $!; wait",
            Some(ChildEnd::Kill),
        ),
        // It leaves one behind, which holds its output open.
        ("sleep 1000 & echo $!", None),
    ] {
        let (talk, _) = Talk::of(script);
        let descendant = pid(&talk.line());
        if let Some(end) = end {
            talk.running.end(end);
        }
        assert_eq!(talk.rest().0, Vec::<String>::new(), "{script}");
        until_gone(descendant);
    }
}

#[test]
fn descendant_that_got_away_is_not_waited_for() {
    let (talk, _) = Talk::of("setsid sleep 1000 & echo $!; echo last");
    let descendant = pid(&talk.line());
    assert_eq!(
        talk.rest(),
        (vec!["last".to_owned()], Ok(ChildExit::Code(0)))
    );
    let _ = rustix::process::kill_process(descendant, Signal::KILL);
    until_gone(descendant);
}

// R16
#[test]
fn dropped_child_is_killed_and_waited_for() {
    for _ in 0..20 {
        let (talk, pid) = Talk::of("trap '' TERM; exec sleep 1000");
        let processes = talk.processes.clone();
        drop(talk);
        while !processes.is_empty() {
            thread::yield_now();
        }
        assert!(test_kill_process(pid).is_err());
    }
    // Before it was started, too.
    let talk = Talk::with(child("exec sleep 1000"));
    talk.running.end(ChildEnd::Kill);
    let ended = loop {
        match talk.next() {
            ChildSaid::Ended(ended) => break ended,
            _ => talk.running.more(),
        }
    };
    assert_eq!(ended, Ok(ChildExit::Signal(9)));
}

// R16
#[test]
fn end_of_the_server_kills_every_child() {
    let (talk, _) = Talk::of("trap '' TERM; exec sleep 1000");
    talk.processes.kill_all();
    assert_eq!(talk.rest().1, Ok(ChildExit::Signal(9)));
}

/// Run by the next tests in a process of its own: it has a child that runs this script, and waits to be killed.
#[test]
fn process_that_is_killed() {
    let Ok(script) = std::env::var("CHILD_OF_A_KILLED_PROCESS") else {
        return;
    };
    let (talk, _) = Talk::of(&script);
    // It runs, and is known of.
    talk.feed("begin\n");
    loop {
        thread::park();
    }
}

/// Has a server run this script, which writes to the file `$FILE`, until it has written something. The server is killed then.
struct KilledServer {
    file: PathBuf,
}

impl KilledServer {
    fn with(name: &str, script: &str) -> Self {
        let file = format!("entra-mcp-child-{name}-{}", std::process::id());
        let file = std::env::temp_dir().join(file);
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut server = Command::new(std::env::current_exe().unwrap())
            .arg("--exact")
            .arg(format!("{module}::process_that_is_killed"))
            .arg("--nocapture")
            .env(
                "CHILD_OF_A_KILLED_PROCESS",
                format!("FILE={}; read x; {script}", file.display()),
            )
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self { file };
        while !this.written().ends_with('\n') {
            thread::yield_now();
        }
        server.kill().unwrap();
        server.wait().unwrap();
        this
    }

    fn written(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap_or_default()
    }
}

impl Drop for KilledServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

// R16
#[test]
fn child_sees_the_end_of_its_input_when_the_server_is_killed() {
    let server = KilledServer::with("reads", "echo begun >$FILE; cat; echo over >$FILE");
    while server.written() != "over\n" {
        thread::yield_now();
    }
}

// R16
#[test]
fn child_that_does_not_read_is_killed_with_its_group_after_the_server() {
    let script = "trap '' TERM HUP; sleep 1000 & echo $$ $! >$FILE; exec sleep 1000";
    let server = KilledServer::with("ignores", script);
    for number in server.written().split_whitespace() {
        until_gone(pid(number));
    }
}

/// A group of its own, whose number is not given to another while it is waited for.
fn group() -> std::process::Child {
    let mut command = Command::new("sleep");
    command.arg("1000").process_group(0).spawn().unwrap()
}

// R16
#[test]
fn watchdog_kills_the_groups_that_have_not_ended_and_no_others() {
    let (mut kept, mut left, mut first) = (group(), group(), group());
    let mut watchdog = Watchdog::start([first.id()]).unwrap();
    assert!(watchdog.began(kept.id()) && watchdog.began(left.id()));
    watchdog.ended(kept.id());
    watchdog.server_ends();
    assert_eq!(left.wait().unwrap().signal(), Some(9));
    assert_eq!(first.wait().unwrap().signal(), Some(9));
    assert_eq!(kept.try_wait().unwrap(), None);
    kept.kill().unwrap();
    kept.wait().unwrap();
}

// R16
#[test]
fn watchdog_that_was_ended_is_followed_by_one_that_knows_all() {
    let (talk, first) = Talk::of("trap '' TERM; exec sleep 1000");
    talk.processes.with_watchdog(Watchdog::kill);
    let (says, said) = channel();
    let _second = RunningChild::start(&talk.processes, child("exec sleep 1000"), move |what| {
        says.send(what).is_ok()
    });
    assert!(matches!(said.recv().unwrap(), ChildSaid::Started(_)));
    talk.processes.with_watchdog(Watchdog::server_ends);
    assert_eq!(talk.rest().1, Ok(ChildExit::Signal(9)));
    until_gone(first);
}

#[test]
fn watchdog_ends_with_what_it_watches() {
    let watchdog = Watchdog::start([]).unwrap();
    let shell = watchdog.shell();
    drop(watchdog);
    assert!(test_kill_process(shell).is_err());
}
