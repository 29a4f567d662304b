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
    raise_descriptor_limit();
}

/// Every connection is a descriptor; the soft limit of 1024 is for programs that use select(2).
fn raise_descriptor_limit() {
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: files.maximum,
            maximum: files.maximum,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    // M10
    #[test]
    fn soft_limit_of_descriptors_is_raised_to_the_hard_one() {
        let before = getrlimit(Resource::Nofile);
        let lower = Rlimit {
            current: before
                .maximum
                .map_or(Some(4096), |most| most.checked_sub(1)),
            maximum: before.maximum,
        };
        setrlimit(Resource::Nofile, lower).unwrap();
        assert_ne!(getrlimit(Resource::Nofile).current, before.maximum);
        raise_descriptor_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
    }
}
