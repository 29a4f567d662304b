//! Why a credential towards Entra ID cannot be used, in words that say what to change.

use std::{
    fmt::{self, Display},
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::FILE_BYTES;

/// Why the certificate or the federated token cannot be used.
#[derive(Debug)]
pub struct ClientCredentialError {
    /// The variable that names the file.
    pub(super) variable: &'static str,
    pub(super) path: PathBuf,
    pub(super) problem: CredentialProblem,
}

/// What is wrong with the file.
#[derive(Debug)]
pub(super) enum CredentialProblem {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is a folder, a pipe or a device: reading it may never end.
    NotAFile,
    /// It is longer than such a file is.
    TooLong,
    /// It is not PEM.
    NotPem,
    /// It is a PFX (PKCS#12) file, which this program was not built to read.
    #[cfg(not(feature = "pfx"))]
    Pfx,
    /// It is a PFX file that is not understood.
    #[cfg(feature = "pfx")]
    UnknownPfx,
    /// The password is not the one that it is locked with.
    #[cfg(feature = "pfx")]
    WrongPassword,
    /// It has no private key.
    NoPrivateKey,
    /// Its private key is encrypted.
    EncryptedKey,
    /// It has several private keys.
    SeveralKeys,
    /// Its key is not an RSA key of at least 2048 bits.
    NotRsa,
    /// It has no certificate.
    NoCertificate,
    /// No certificate in it is the private key's.
    OtherKey,
    /// The key did not sign.
    NotSigned,
    /// It holds no JWT.
    NoToken,
    /// It is not in the folder of the agent of Azure Arc.
    NotOfTheAgent,
    /// It holds no key of that agent.
    NoKey,
}

/// Reads a file that holds a secret.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialProblem> {
    let is_file = std::fs::metadata(path)
        .map_err(CredentialProblem::Unreadable)?
        .is_file();
    if !is_file {
        return Err(CredentialProblem::NotAFile);
    }
    let file = File::open(path).map_err(CredentialProblem::Unreadable)?;
    // Room for all of it: what grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 * 1024));
    file.take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(CredentialProblem::Unreadable)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(CredentialProblem::TooLong);
    }
    Ok(bytes)
}

impl Display for CredentialProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable(error) => return write!(f, "it cannot be read: {error}"),
            Self::NotAFile => "it is a folder, a pipe or a device: write it to a file",
            Self::TooLong => "it is longer than 64 KiB",
            Self::NotPem => "it is not PEM",
            #[cfg(not(feature = "pfx"))]
            Self::Pfx => {
                "it is a PFX file: convert it with `openssl pkcs12 -in FILE -out client.pem -nodes`, or build this program \
                 with `--features pfx`"
            }
            #[cfg(feature = "pfx")]
            Self::UnknownPfx => {
                "it is no PFX file, or is locked in a way that is not known: convert it with `openssl pkcs12 -in FILE -out \
                 client.pem -nodes`"
            }
            #[cfg(feature = "pfx")]
            Self::WrongPassword => {
                "it is locked with another password: set AZURE_CLIENT_CERTIFICATE_PASSWORD to the one that it was made with"
            }
            Self::NoPrivateKey => "it has no private key: put the key and the certificate into one file",
            Self::EncryptedKey => {
                "its private key is encrypted: decrypt it with `openssl pkey -in FILE -out key.pem`, and \
                 let only this server's user read it; or build this program with `--features pfx`, and set \
                 AZURE_CLIENT_CERTIFICATE_PASSWORD"
            }
            Self::SeveralKeys => "it has several private keys: leave one",
            Self::NotRsa => "its private key is not an RSA key of 2048 bits or more, which Entra ID wants",
            Self::NoCertificate => "it has no certificate: put the key and the certificate into one file",
            Self::OtherKey => "no certificate in it belongs to its private key",
            Self::NotSigned => "its private key could not sign",
            Self::NoToken => "it holds no JWT",
            Self::NotOfTheAgent => "it is no file of the agent of Azure Arc",
            Self::NoKey => "it holds no key of up to 4 KiB",
        })
    }
}

impl Display for ClientCredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: the file {} cannot be used: {}.",
            self.variable,
            self.path.display(),
            self.problem
        )
    }
}

impl std::error::Error for ClientCredentialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            CredentialProblem::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}
