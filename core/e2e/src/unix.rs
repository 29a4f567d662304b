//! What the cases look at and do that is specific to Unix.

pub use std::os::unix::{
    fs::{FileTypeExt, PermissionsExt},
    net::{UnixListener, UnixStream},
};

pub use rustix::{
    fs::{Mode, stat},
    net::{AddressFamily, SocketType, bind, connect, socket},
    process::{Resource, getrlimit, setrlimit, umask},
};
