//! How processes end, and what is left of them: nothing.

use std::path::PathBuf;

use super::*;

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
        while !processes.running().is_empty() {
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

/// Run by the next test in a process of its own: it has a child, and waits to be killed.
#[test]
fn process_that_is_killed() {
    let Some(file) = std::env::var_os("CHILD_OF_A_KILLED_PROCESS").map(PathBuf::from) else {
        return;
    };
    let script = format!("echo begun > {0}; cat; echo over > {0}", file.display());
    let (_talk, _) = Talk::of(&script);
    loop {
        thread::park();
    }
}

// R16
#[test]
fn child_sees_the_end_of_its_input_when_the_server_is_killed() {
    let file = std::env::temp_dir().join(format!("entra-mcp-child-{}", std::process::id()));
    let (_, module) = module_path!().split_once("::").unwrap();
    let name = format!("{module}::process_that_is_killed");
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name.as_str(), "--nocapture"])
        .env("CHILD_OF_A_KILLED_PROCESS", &file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let until = |text: &str| {
        while std::fs::read_to_string(&file).unwrap_or_default() != text {
            thread::yield_now();
        }
    };
    until("begun\n");
    server.kill().unwrap();
    server.wait().unwrap();
    until("over\n");
    std::fs::remove_file(&file).unwrap();
}
