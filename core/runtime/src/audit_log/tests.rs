use std::{fs, path::PathBuf};

use super::*;

/// A folder that is deleted again.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file of this name in a folder of its own.
fn file(name: &str) -> (Folder, AuditLogFile, PathBuf) {
    let process = std::process::id();
    let folder = std::env::temp_dir().join(format!("entra-mcp-audit-{name}-{process}"));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("audit.jsonl");
    (Folder(folder), AuditLogFile::File(path.clone()), path)
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| format!("{text}\n")).collect()
}

#[test]
fn file_is_private_and_added_to() {
    let (_folder, location, path) = file("private");
    for line in ["one", "two"] {
        let mut file = AuditFile::open(&location).unwrap();
        file.write(&lines(&[line]), 0);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    assert_eq!(crate::unix::testing::mode(&path), 0o600);
}

#[test]
fn file_that_was_renamed_is_begun_anew() {
    let (_folder, location, path) = file("renamed");
    let mut file = AuditFile::open(&location).unwrap();
    file.write(&lines(&["one"]), 0);
    let old = path.with_extension("1");
    fs::rename(&path, &old).unwrap();
    file.write(&lines(&["two"]), 0);
    file.reopen();
    file.write(&lines(&["three"]), 0);
    assert_eq!(fs::read_to_string(&old).unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
}

#[test]
fn lines_that_a_full_disk_did_not_take_are_counted_once_it_does() {
    let full = AuditLogFile::File("/dev/full".into());
    let mut file = AuditFile::open(&full).unwrap();
    file.write(&lines(&["one", "two"]), 3);
    let (_folder, location, path) = self::file("full");
    let mut next = AuditFile::open(&location).unwrap();
    next.missing = file.missing;
    next.is_torn = file.is_torn;
    next.write(&lines(&["three"]), 0);
    let text = fs::read_to_string(&path).unwrap();
    let [empty, missing, three] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    assert_eq!((empty, three), ("", "three"));
    assert!(
        missing.contains("\"event\":\"audit.not_written\""),
        "{missing}"
    );
    assert!(missing.contains("\"count\":\"5\""), "{missing}");
    next.write(&[], 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn file_that_cannot_be_opened_is_an_error() {
    let location = AuditLogFile::File("/nonexistent/audit.jsonl".into());
    assert!(AuditFile::open(&location).is_err());
}

// The disk does not answer, and nobody takes what is queued.
#[test]
fn full_queue_keeps_nobody_from_ending() {
    let (sender, receiver) = sync_channel(1);
    send(&sender, "a line".to_owned());
    flush(&sender, Duration::ZERO);
    let queued: Vec<Message> = receiver.try_iter().collect();
    assert!(matches!(queued.as_slice(), [Message::Line(_)]));
    // Where there is room, the wait for the answer ends, too.
    flush(&sender, Duration::ZERO);
    assert!(matches!(receiver.try_recv(), Ok(Message::Flush(_))));
}
