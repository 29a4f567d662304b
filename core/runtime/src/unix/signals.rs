//! SIGTERM and Ctrl-C: the first asks for an orderly end, the second ends at once. SIGHUP asks for what is open or was read to be
//! opened and read anew, and ends nothing.

use std::sync::{Arc, atomic::AtomicBool};

use entra_mcp_core::log_event::{Field, LogEvent, LogEventId};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::log::log;

/// Calls `f` on a thread of its own when the process is asked to end, once. Asked again, the
/// process ends there and then, with the status that shells give for that signal.
pub fn on_shutdown(f: impl FnOnce() + Send + 'static) {
    let mut signals = match Signals::new([SIGINT, SIGTERM]) {
        Ok(signals) => signals,
        Err(error) => {
            unavailable(&error);
            return;
        }
    };
    let started = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let mut signals = signals.forever();
            if signals.next().is_some() {
                f();
            }
            if let Some(signal) = signals.next() {
                std::process::exit(128 + signal);
            }
        });
    if let Err(error) = started {
        unavailable(&error);
    }
}

/// From now on SIGHUP does not end the process, though nothing may be there to be opened or read anew: a supervisor sends it for a
/// reload, a terminal when it closes.
pub(crate) fn outlive_hangup() {
    set_on_hangup(Arc::new(AtomicBool::new(false)));
}

/// Sets this whenever SIGHUP comes.
pub(crate) fn set_on_hangup(asked: Arc<AtomicBool>) {
    if let Err(error) = signal_hook::flag::register(SIGHUP, asked) {
        unavailable(&error);
    }
}

/// Calls `f` on a thread of its own whenever SIGHUP comes, until it says that nobody wants it any more.
pub(crate) fn on_hangup(thread: &str, mut f: impl FnMut() -> bool + Send + 'static) {
    let started = Signals::new([SIGHUP]).and_then(|mut signals| {
        std::thread::Builder::new()
            .name(thread.to_owned())
            .spawn(move || {
                for _ in signals.forever() {
                    if !f() {
                        return;
                    }
                }
            })
    });
    if let Err(error) = started {
        unavailable(&error);
    }
}

fn unavailable(error: &std::io::Error) {
    log(&LogEvent::new(LogEventId::SignalsUnavailable).with(Field::Error, error.to_string()));
}
