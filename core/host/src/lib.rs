//! What both runtimes need of the operating system: data folder, store, log, clocks, signals.
