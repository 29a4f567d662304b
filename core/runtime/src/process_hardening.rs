//! The process: no core file, no reading of its memory by others, private files, and as many
//! descriptors as it may have (threats G4, O5, M10).

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, getrlimit, setrlimit, umask},
};

/// Sets what can be set. Nothing of it can fail in a way that should keep the server from starting:
/// a container may forbid some.
pub(crate) fn apply() {
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    // Keys and Entra's tokens are in this memory: not even the same user reads it by ptrace or
    // /proc. Signals still arrive, and root can still look.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    // Every connection is a descriptor; the soft limit of 1024 is for programs that use select(2).
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: files.maximum,
            maximum: files.maximum,
        },
    );
}
