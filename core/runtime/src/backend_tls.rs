//! TLS towards backends: whom to believe, and as whom to come.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    io,
    path::Path,
    sync::Arc,
};

use entra_mcp_core::config::{BackendName, Config, Endpoint};
use rustls::{ClientConfig, RootCertStore, crypto::ring::default_provider};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::egress::{self, Egress};

/// TLS towards backends. Clones are the same: they resume each other's sessions.
#[derive(Clone, Debug)]
pub struct BackendTls {
    all: Arc<ClientConfig>,
    /// What is set for a backend alone.
    own: Arc<BTreeMap<Endpoint, Arc<ClientConfig>>>,
}

/// Who to say that we are: a certificate, those that it was issued by, and its key.
#[derive(Debug)]
pub struct ClientIdentity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// What is wrong with a file that says how backends are reached by TLS.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackendTlsError {
    /// It cannot be read.
    Unreadable {
        /// The setting that names it, such as `--backend-ca`, and the backend that it is for.
        setting: String,
        /// The file.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// There is no certificate in it, or a malformed one.
    NoCertificate {
        /// The setting that names it.
        setting: String,
        /// The file.
        file: String,
    },
    /// There is no private key in it, or one that is of no use or not that of the certificate.
    NoKey {
        /// The setting that names it.
        setting: String,
        /// The file.
        file: String,
    },
}

const CA: &str = "--backend-ca";
const CERT: &str = "--backend-cert";

impl BackendTls {
    /// Believes those whom other connections believe, too, and says who we are to nobody.
    #[must_use]
    pub fn of_egress(egress: &Egress) -> Self {
        Self::of_all(believing(egress, &[]).with_no_client_auth())
    }

    /// Reads the files that the settings name.
    pub(crate) fn of_config(config: &Config, egress: &Egress) -> Result<Self, BackendTlsError> {
        let mut own = BTreeMap::new();
        for (endpoint, gateway) in config.gateways() {
            let authorities = gateway.authorities.as_deref();
            let identity = gateway.certificate.as_deref();
            if authorities.is_some() || identity.is_some() {
                let tls = Self::from_files(egress, authorities, identity);
                let tls = tls.map_err(|error| error.of(gateway.name.as_ref()))?;
                own.insert(endpoint, tls.all);
            }
        }
        Ok(Self {
            own: Arc::new(own),
            ..Self::of_egress(egress)
        })
    }

    /// Believes these certificates (DER) besides, and says who we are if the backend asks.
    ///
    /// # Errors
    ///
    /// The key is of no use, or not that of the certificate.
    pub fn new(
        egress: &Egress,
        own_roots: &[Vec<u8>],
        identity: Option<ClientIdentity>,
    ) -> Result<Self, rustls::Error> {
        let config = believing(egress, own_roots);
        let config = match identity {
            Some(identity) => config.with_client_auth_cert(identity.certificates, identity.key)?,
            None => config.with_no_client_auth(),
        };
        Ok(Self::of_all(config))
    }

    /// Reads PEM files: the certificates of the company's authorities, and who we are, with its key.
    ///
    /// # Errors
    ///
    /// Which file is wrong, and why.
    pub fn from_files(
        egress: &Egress,
        authorities: Option<&Path>,
        identity: Option<&Path>,
    ) -> Result<Self, BackendTlsError> {
        let roots = match authorities {
            None => Vec::new(),
            Some(file) => {
                let roots = egress::certificates(&read(CA, file)?);
                if roots.is_empty() {
                    let (setting, file) = (CA.to_owned(), file.display().to_string());
                    return Err(BackendTlsError::NoCertificate { setting, file });
                }
                roots
            }
        };
        let Some(file) = identity else {
            return Ok(
                Self::new(egress, &roots, None).expect("there is no key that could be wrong")
            );
        };
        let pem = read(CERT, file)?;
        let no_key = || BackendTlsError::NoKey {
            setting: CERT.to_owned(),
            file: file.display().to_string(),
        };
        let identity = ClientIdentity::from_pem(&pem);
        let identity = identity.map_err(|wrong| match wrong {
            WrongIdentity::Certificate => BackendTlsError::NoCertificate {
                setting: CERT.to_owned(),
                file: file.display().to_string(),
            },
            WrongIdentity::Key => no_key(),
        })?;
        Self::new(egress, &roots, Some(identity)).map_err(|_| no_key())
    }

    fn of_all(config: ClientConfig) -> Self {
        Self {
            all: Arc::new(config),
            own: Arc::default(),
        }
    }

    /// As rustls wants it, for this backend. What is set for one backend counts for no other, also where both have one address
    /// (threat R26).
    #[must_use]
    pub fn config(&self, endpoint: Endpoint) -> Arc<ClientConfig> {
        Arc::clone(self.own.get(&endpoint).unwrap_or(&self.all))
    }
}

/// What is wrong with the PEM text of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongIdentity {
    /// There is no certificate, or a malformed one.
    Certificate,
    /// There is no private key, or a malformed one.
    Key,
}

impl ClientIdentity {
    /// Reads the certificates, our own first, and the key out of one PEM text (RFC 7468).
    ///
    /// # Errors
    ///
    /// What is missing or malformed.
    pub fn from_pem(pem: &[u8]) -> Result<Self, WrongIdentity> {
        let certificates = egress::certificates(pem);
        if certificates.is_empty() {
            return Err(WrongIdentity::Certificate);
        }
        Ok(Self {
            certificates: certificates.into_iter().map(CertificateDer::from).collect(),
            key: PrivateKeyDer::from_pem_slice(pem).map_err(|_| WrongIdentity::Key)?,
        })
    }
}

fn read(setting: &'static str, file: &Path) -> Result<Vec<u8>, BackendTlsError> {
    std::fs::read(file).map_err(|error| BackendTlsError::Unreadable {
        setting: setting.to_owned(),
        file: file.display().to_string(),
        error,
    })
}

fn believing(
    egress: &Egress,
    own: &[Vec<u8>],
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    match egress.roots() {
        Some(others) => add(&mut roots, others),
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    add(&mut roots, own);
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for the versions of TLS that rustls speaks")
        .with_root_certificates(roots)
}

fn add(roots: &mut RootCertStore, certificates: &[Vec<u8>]) {
    let certificates = certificates.iter().cloned().map(CertificateDer::from);
    roots.add_parsable_certificates(certificates);
}

impl BackendTlsError {
    /// The same, of the backend of this name.
    fn of(mut self, name: Option<&BackendName>) -> Self {
        let (Self::Unreadable { setting, .. }
        | Self::NoCertificate { setting, .. }
        | Self::NoKey { setting, .. }) = &mut self;
        if let Some(name) = name {
            *setting = format!("{setting} of {}", name.as_str());
        }
        self
    }
}

impl Display for BackendTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable {
                setting,
                file,
                error,
            } => write!(f, "{setting}: {file} cannot be read: {error}."),
            Self::NoCertificate { setting, file } => write!(
                f,
                "{setting}: there is no certificate in {file}, or a malformed one. Write them as PEM."
            ),
            Self::NoKey { setting, file } => write!(
                f,
                "{setting}: {file} holds no private key that fits its first certificate. Write both into it as PEM, \
                 the key without a password."
            ),
        }
    }
}

impl std::error::Error for BackendTlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            Self::NoCertificate { .. } | Self::NoKey { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(authorities: Option<&str>, identity: Option<&str>) -> String {
        let (authorities, identity) = (authorities.map(Path::new), identity.map(Path::new));
        let read = BackendTls::from_files(&Egress::default(), authorities, identity);
        read.unwrap_err().to_string()
    }

    #[test]
    fn file_that_is_missing_or_holds_nothing_is_named_with_its_setting() {
        let folder = std::env::temp_dir().join(format!("backend-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let empty = file("empty", "nothing");
        let certificate = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        let without_key = file("without-key", certificate);
        let key = "-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n";
        let useless = file("useless", &format!("{certificate}{key}"));
        let missing = folder.join("missing");
        let missing = missing.to_str().unwrap();
        assert!(wrong(Some(missing), None).starts_with("--backend-ca: "));
        assert!(wrong(None, Some(missing)).starts_with("--backend-cert: "));
        assert!(wrong(Some(&empty), None).contains("no certificate"));
        assert!(wrong(None, Some(&empty)).contains("no certificate"));
        for key in [&without_key, &useless] {
            assert!(wrong(None, Some(key)).contains("no private key"));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn file_of_one_of_several_backends_is_named_with_its_backend() {
        let missing = BackendTls::from_files(&Egress::default(), None, Some(Path::new("/missing")));
        let name = BackendName::parse("orders").unwrap();
        let error = missing.unwrap_err().of(Some(&name)).to_string();
        assert!(
            error.starts_with("--backend-cert of orders: /missing "),
            "{error}"
        );
    }
}
