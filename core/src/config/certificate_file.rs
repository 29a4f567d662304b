//! Where the certificate is that this server proves its identity to Entra with.

use std::path::PathBuf;

use crate::secret::Secret;

/// The file of a certificate and its private key: PEM, or PFX where the program was built to read that.
#[derive(Clone, Debug)]
pub struct CertificateFile {
    /// Where it is.
    pub path: PathBuf,
    /// What opens it, if it is locked.
    pub password: Option<Secret<String>>,
}

impl From<PathBuf> for CertificateFile {
    fn from(path: PathBuf) -> Self {
        Self {
            path,
            password: None,
        }
    }
}
