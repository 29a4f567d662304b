//! SIGTERM and Ctrl-C: the first asks for an orderly end, the second ends at once.

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Calls `f` on a thread of its own when the process is asked to end, once. Asked again, the
/// process ends there and then, with the status that shells give for that signal.
pub fn on_shutdown(f: impl FnOnce() + Send + 'static) {
    let mut signals = match Signals::new([SIGINT, SIGTERM]) {
        Ok(signals) => signals,
        Err(error) => {
            tracing::warn!("signals cannot be caught, the server will end without notice: {error}");
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
        tracing::warn!(
            "no thread to wait for signals, the server will end without notice: {error}"
        );
    }
}
