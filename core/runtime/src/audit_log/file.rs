//! The file of the audit log: opened with mode 0600, opened anew when it was renamed, and whole in lines also after a disk was full.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
};

use entra_mcp_core::{
    config::AuditLogFile,
    log_event::{Field, LogEvent, LogEventId},
};

use super::now;
use crate::{
    log,
    unix::{files, owner},
};

/// An audit log that is being written.
pub(super) struct AuditFile {
    location: AuditLogFile,
    output: Output,
    /// How many lines are missing that this log has not told of.
    pub(super) missing: u64,
    /// Whether the last line may have no end.
    pub(super) is_torn: bool,
}

enum Output {
    Stdout,
    File(File),
}

/// How an audit log is called.
pub(super) fn name(location: &AuditLogFile) -> String {
    match location {
        AuditLogFile::Stdout => "-".to_owned(),
        AuditLogFile::File(path) => path.display().to_string(),
    }
}

fn open(location: &AuditLogFile) -> io::Result<Output> {
    let AuditLogFile::File(path) = location else {
        return Ok(Output::Stdout);
    };
    let mut options = OpenOptions::new();
    let file = owner::open_or_make(files::owner_only(options.append(true)), path)?;
    Ok(Output::File(file))
}

impl AuditFile {
    /// Opens it, to add to what is there.
    pub(super) fn open(location: &AuditLogFile) -> io::Result<Self> {
        Ok(Self {
            location: location.clone(),
            output: open(location)?,
            missing: 0,
            is_torn: false,
        })
    }

    /// Opens the file of this name anew. If that fails, the one that is open stays.
    pub(super) fn reopen(&mut self) {
        match open(&self.location) {
            Ok(output) => {
                self.output = output;
                self.is_torn = false;
            }
            Err(error) => self.complain(&error, None),
        }
    }

    /// Writes lines, and before them how many are missing. What cannot be written is missing, too.
    pub(super) fn write(&mut self, lines: &[String], left_out: u64) {
        if left_out > 0 {
            self.missing = self.missing.saturating_add(left_out);
            let error = io::Error::other("lines come faster than they are written");
            self.complain(&error, Some(left_out));
        }
        if lines.is_empty() && self.missing == 0 {
            return;
        }
        let mut text = String::new();
        if self.is_torn {
            text.push('\n');
        }
        if self.missing > 0 {
            let missing = LogEvent::new(LogEventId::AuditNotWritten);
            let missing = missing.with(Field::Count, self.missing.to_string());
            text.push_str(&missing.audit_summary(&now()));
        }
        text.extend(lines.iter().map(String::as_str));
        let written = match &mut self.output {
            Output::Stdout => {
                let mut output = io::stdout().lock();
                let written = output.write_all(text.as_bytes());
                written.and_then(|()| output.flush())
            }
            Output::File(file) => file.write_all(text.as_bytes()),
        };
        match written {
            Ok(()) => (self.missing, self.is_torn) = (0, false),
            Err(error) => {
                let lost = u64::try_from(lines.len()).unwrap_or(u64::MAX);
                self.missing = self.missing.saturating_add(lost);
                self.is_torn = true;
                if lost > 0 {
                    self.complain(&error, Some(lost));
                }
            }
        }
    }

    fn complain(&self, error: &io::Error, count: Option<u64>) {
        let mut line = LogEvent::new(LogEventId::AuditNotWritten)
            .with(Field::Path, name(&self.location))
            .with(Field::Error, error.to_string());
        if let Some(count) = count {
            line = line.with(Field::Count, count.to_string());
        }
        log(&line);
    }
}
