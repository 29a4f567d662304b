//! Where records are kept.

mod file;

pub use self::file::FileStore;
