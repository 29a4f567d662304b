//! Kills what this process leaves behind when it is killed itself, and can do nothing more: a shell is told of each group
//! that runs, and reads the end of its input when nobody is left who holds it.
//!
//! The kernel's own signal at the death of a parent would have to be asked for between `fork` and `exec`, which takes
//! unsafe code, and reaches none that the process has begun.

use std::{
    io::{self, Write as _},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt as _},
    },
    process::{Child, Command, Stdio},
};

/// Whoever reads the end of their input, as a well-kept server does, has two seconds to end.
const SCRIPT: &str = r#"
while read -r word number; do
    if [ "$word" = began ]; then
        groups="$groups $number"
    else
        others=
        for group in $groups; do
            [ "$group" = "$number" ] || others="$others $group"
        done
        groups=$others
    fi
done
[ -n "$groups" ] || exit 0
sleep 2
for group in $groups; do
    kill -s KILL -- "-$group"
done
"#;

/// A shell that outlives this process, and kills the groups that it leaves.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    input: UnixStream,
}

impl Watchdog {
    /// Starts one that knows of these groups.
    pub(super) fn start(groups: impl IntoIterator<Item = u32>) -> io::Result<Self> {
        let (input, other) = UnixStream::pair()?;
        // One that reads no more is no reason to wait.
        input.set_nonblocking(true)?;
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .env_clear()
            .current_dir("/")
            // What a terminal sends to the server's group is not for it.
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(other)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut this = Self { shell, input };
        for group in groups {
            this.began(group);
        }
        Ok(this)
    }

    /// Tells it of a group. Returns whether it still reads.
    pub(super) fn began(&mut self, group: u32) -> bool {
        self.input
            .write_all(format!("began {group}\n").as_bytes())
            .is_ok()
    }

    /// Tells it that a group is no more. If it cannot be told, it is ended: another could get the number.
    pub(super) fn ended(&mut self, group: u32) {
        let told = self.input.write_all(format!("ended {group}\n").as_bytes());
        if told.is_err() {
            let _ = self.shell.kill();
        }
    }
}

#[cfg(test)]
impl Watchdog {
    /// What the kernel does when the server is killed.
    pub(super) fn server_ends(&mut self) {
        self.input.shutdown(Shutdown::Write).unwrap();
    }

    /// What somebody else does to it.
    pub(super) fn kill(&mut self) {
        self.shell.kill().unwrap();
        self.shell.wait().unwrap();
    }

    pub(super) fn shell(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.shell)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.input.shutdown(Shutdown::Both);
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
