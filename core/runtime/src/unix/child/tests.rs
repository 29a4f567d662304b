mod ends;

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, channel},
};

use entra_mcp_core::{ask::ChildUser, secret::Secret};
use rustix::process::{geteuid, test_kill_process};

use super::*;

/// A process, and what it said.
struct Talk {
    running: RunningChild,
    said: Receiver<ChildSaid>,
    processes: Processes,
}

impl Talk {
    fn with(child: Child) -> Self {
        let processes = Processes::default();
        let (says, said) = channel();
        let say = move |what| says.send(what).is_ok();
        let running = RunningChild::start(&processes, child, say);
        Self {
            running,
            said,
            processes,
        }
    }

    /// Begins a script; its number.
    fn of(script: &str) -> (Self, Pid) {
        let talk = Self::with(child(script));
        match talk.next() {
            ChildSaid::Started(pid) => (talk, Pid::from_raw(pid.cast_signed()).unwrap()),
            other => panic!("not started: {other:?}"),
        }
    }

    /// What it says next, but complaints.
    fn next(&self) -> ChildSaid {
        loop {
            match self.said.recv().unwrap() {
                ChildSaid::Complaint(_) => self.running.complaint_taken(),
                said => return said,
            }
        }
    }

    fn line(&self) -> String {
        self.running.more();
        match self.next() {
            ChildSaid::Line(line) => String::from_utf8(line.to_vec()).unwrap(),
            other => panic!("no line: {other:?}"),
        }
    }

    /// The rest of its lines, and how it ended.
    fn rest(&self) -> (Vec<String>, Result<ChildExit, ChildFault>) {
        let mut lines = Vec::new();
        self.running.more();
        loop {
            match self.next() {
                ChildSaid::Line(line) => {
                    lines.push(String::from_utf8(line.to_vec()).unwrap());
                    self.running.more();
                }
                ChildSaid::Ended(ended) => {
                    assert!(self.said.try_recv().is_err(), "something after the end");
                    return (lines, ended);
                }
                ChildSaid::OutputClosed => {}
                other => panic!("neither line nor end: {other:?}"),
            }
        }
    }

    fn feed(&self, text: &'static str) {
        self.running.feed(Bytes::from_static(text.as_bytes()));
        assert_eq!(self.next(), ChildSaid::Fed);
    }
}

fn child(script: &str) -> Child {
    let path = Secret::new("/usr/bin:/bin".to_owned());
    Child {
        program: "sh".to_owned(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: BTreeMap::from([("PATH".to_owned(), path)]),
        folder: Some("/".to_owned()),
        user: None,
        line_limit: 1000,
    }
}

/// Waits until there is no such process; one that nobody has waited for is none of ours.
fn until_gone(pid: Pid) {
    let is_there = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        let is_zombie = stat.is_ok_and(|stat| stat.contains(") Z "));
        test_kill_process(pid).is_ok() && !is_zombie
    };
    while is_there() {
        thread::yield_now();
    }
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.parse().unwrap()).unwrap()
}

#[test]
fn lines_that_are_fed_come_back_and_the_end_of_input_ends_it() {
    let (talk, pid) = Talk::of("cat; exit 3");
    talk.feed("one\n");
    assert_eq!(talk.line(), "one");
    talk.feed("two\nthree\r\nhalf");
    assert_eq!(
        (talk.line(), talk.line()),
        ("two".to_owned(), "three".to_owned())
    );
    talk.running.end(ChildEnd::CloseInput);
    assert_eq!(
        talk.rest(),
        (vec!["half".to_owned()], Ok(ChildExit::Code(3)))
    );
    // Not even a zombie is left.
    assert!(test_kill_process(pid).is_err());
    assert!(talk.processes.is_empty());
}

// R15
#[test]
fn nothing_is_inherited_but_what_is_named() {
    let mut wanted = child("");
    let value = Secret::new("a value".to_owned());
    wanted.program = "/usr/bin/env".to_owned();
    wanted.arguments = Vec::new();
    wanted.environment = BTreeMap::from([("NAME".to_owned(), value)]);
    let talk = Talk::with(wanted);
    assert!(matches!(talk.next(), ChildSaid::Started(_)));
    assert_eq!(
        talk.rest(),
        (vec!["NAME=a value".to_owned()], Ok(ChildExit::Code(0)))
    );
    let (talk, _) = Talk::of("pwd; read x; ulimit -c");
    assert_eq!(talk.line(), "/");
    talk.feed("\n");
    assert_eq!(talk.rest().0, ["0"]);
}

// R15. Who has the terminal of its starter may type into it.
#[cfg(target_os = "linux")]
#[test]
fn process_has_a_session_of_its_own_and_no_terminal() {
    let (talk, pid) = Talk::of(
        "read -r pid name state parent group session terminal rest </proc/$$/stat; echo $session $terminal",
    );
    let number = pid.as_raw_nonzero();
    assert_eq!(talk.rest().0, [format!("{number} 0")]);
}

// R15. Those of others, too: the input of another process would not end.
#[cfg(target_os = "linux")]
#[test]
fn no_descriptor_is_inherited() {
    let inherited = "for fd in /proc/$$/fd/*; do readlink $fd; done";
    let without = Talk::of(inherited).0.rest().0;
    let other = Talk::of("cat").0;
    let _file = std::fs::File::open("/etc/passwd").unwrap();
    let with = Talk::of(inherited).0.rest().0;
    assert_eq!(without.len(), with.len(), "{without:?} {with:?}");
    drop(other);
}

// R17
#[test]
fn output_comes_only_as_it_is_let_come() {
    let (talk, pid) = Talk::of("exec yes");
    assert_eq!((talk.line(), talk.line()), ("y".to_owned(), "y".to_owned()));
    talk.running.end(ChildEnd::Terminate);
    until_gone(pid);
    // What it wrote before is there, and comes before its end.
    let (lines, ended) = talk.rest();
    assert!(
        !lines.is_empty() && lines.len() < 1 << 20,
        "{}",
        lines.len()
    );
    assert_eq!(ended, Ok(ChildExit::Signal(15)));
}

#[test]
fn child_that_closes_its_streams_is_told_of_and_lives() {
    let (talk, _) = Talk::of("exec >&-; cat >/dev/null; echo late");
    talk.running.more();
    assert_eq!(talk.next(), ChildSaid::OutputClosed);
    talk.feed("one\n");
    talk.running.end(ChildEnd::CloseInput);
    assert!(matches!(
        talk.next(),
        ChildSaid::Ended(Ok(ChildExit::Code(_)))
    ));
    let (talk, _) = Talk::of("exec <&-; echo deaf; exec sleep 1000");
    assert_eq!(talk.line(), "deaf");
    talk.running.feed(Bytes::from_static(b"one\n"));
    assert_eq!(talk.next(), ChildSaid::InputClosed);
    talk.running.end(ChildEnd::Kill);
    assert_eq!(talk.rest(), (Vec::new(), Ok(ChildExit::Signal(9))));
}

// R17
#[test]
fn line_over_the_limit_is_skipped_and_the_next_one_comes() {
    let mut wanted = child("head -c 20000000 /dev/zero | tr '\\0' a; echo; echo after");
    wanted.line_limit = 16 << 20;
    let talk = Talk::with(wanted);
    assert!(matches!(talk.next(), ChildSaid::Started(_)));
    talk.running.more();
    assert_eq!(talk.next(), ChildSaid::TooLong);
    assert_eq!(
        talk.rest(),
        (vec!["after".to_owned()], Ok(ChildExit::Code(0)))
    );
}

// R17
#[test]
fn complaints_come_whole_and_few_wait() {
    let (talk, _) =
        Talk::of("echo one >&2; echo two >&2; read x; head -c 9999999 /dev/zero >&2; echo done");
    let mut first = Vec::new();
    while first != b"one\ntwo\n" {
        match talk.said.recv().unwrap() {
            ChildSaid::Complaint(text) => first.extend_from_slice(&text),
            other => panic!("no complaint: {other:?}"),
        }
        talk.running.complaint_taken();
    }
    talk.running.feed(Bytes::from_static(b"\n"));
    talk.running.more();
    let (mut complained, mut taken) = (0, 0);
    loop {
        match talk.said.recv().unwrap() {
            ChildSaid::Complaint(text) => {
                assert!(text.len() <= 4096, "{}", text.len());
                complained += text.len();
                taken += 1;
                talk.running.complaint_taken();
            }
            ChildSaid::Line(line) => {
                assert_eq!(line, "done");
                talk.running.more();
            }
            ChildSaid::Ended(ended) => break assert_eq!(ended, Ok(ChildExit::Code(0))),
            ChildSaid::Fed | ChildSaid::OutputClosed => {}
            other => panic!("what is {other:?}?"),
        }
    }
    assert_eq!(complained, 9_999_999);
    assert!(taken >= 9_999_999 / 4096, "{taken}");
}

#[test]
fn child_that_does_not_read_is_fed_no_more() {
    let (talk, _) = Talk::of("exec sleep 1000");
    talk.running.feed(Bytes::from(vec![b'a'; 1 << 20]));
    talk.running.feed(Bytes::from_static(b"b"));
    talk.running.end(ChildEnd::Kill);
    talk.running.more();
    let ended = loop {
        match talk.next() {
            ChildSaid::Ended(ended) => break ended,
            // Its end closes its input, if that is noticed first.
            said => assert!(
                matches!(said, ChildSaid::InputClosed | ChildSaid::OutputClosed),
                "{said:?}"
            ),
        }
    };
    assert_eq!(ended, Ok(ChildExit::Signal(9)));
}

#[test]
fn what_cannot_be_run_is_said() {
    let with = |change: &dyn Fn(&mut Child)| {
        let mut wanted = child("id -u");
        change(&mut wanted);
        Talk::with(wanted).next()
    };
    let not_found = ChildSaid::Ended(Err(ChildFault::NotFound));
    assert_eq!(
        with(&|child| child.program = "no-such-program".to_owned()),
        not_found
    );
    assert_eq!(
        with(&|child| child.folder = Some("/no/such".to_owned())),
        not_found
    );
    let not_permitted = ChildSaid::Ended(Err(ChildFault::NotPermitted));
    assert_eq!(
        with(&|child| child.program = "/etc/passwd".to_owned()),
        not_permitted
    );
    let mut wanted = child("id -u; id -G");
    wanted.user = Some(ChildUser {
        uid: 65_534,
        gid: 65_534,
    });
    let talk = Talk::with(wanted);
    if geteuid().is_root() {
        assert!(matches!(talk.next(), ChildSaid::Started(_)));
        assert_eq!(talk.rest().0, ["65534", "65534"]);
    } else {
        assert_eq!(talk.next(), not_permitted);
    }
}
