//! Client assertions: how the application proves who it is without its secret.
//!
//! Source: Microsoft identity platform, "Certificate credentials" and "Workload identity federation"; RFC 7523
//! section 3. An assertion is either signed with a key whose certificate is registered (`/control`,
//! `register_certificate`), or the token of an issuer that a federated credential of the application names: see
//! `federation.rs`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_wire::certificate::CertificateFields;
use ring::{
    digest,
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey},
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::Deserialize;

use super::{CLIENT_ID, DevTenant, aadsts_error::AadstsError, metadata::Tenant};

/// The audience of a token that is presented as an assertion.
pub(super) const TOKEN_EXCHANGE: &str = "api://AzureADTokenExchange";

/// How far the clocks may differ, in seconds.
const LEEWAY: u64 = 300;

/// A certificate that is registered with the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RegisteredCertificate {
    sha256: Vec<u8>,
    sha1: Vec<u8>,
    /// The RSA key, as PKCS#1.
    public_key: Vec<u8>,
    /// When it ends.
    not_after: u64,
}

impl RegisteredCertificate {
    /// Reads a certificate in PEM.
    pub(super) fn read(pem: &str) -> Result<Self, String> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|error| error.to_string())?;
        let certificate = CertificateFields::read(&der);
        let certificate = certificate.ok_or_else(|| "It is no certificate.".to_owned())?;
        Ok(Self {
            sha256: digest::digest(&digest::SHA256, &der).as_ref().to_vec(),
            sha1: digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der)
                .as_ref()
                .to_vec(),
            public_key: certificate.public_key.to_vec(),
            not_after: certificate.not_after.0,
        })
    }
}

/// The members of the header that count here.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(rename = "x5t#S256")]
    sha256: Option<String>,
    /// As older libraries name the certificate.
    #[serde(rename = "x5t")]
    sha1: Option<String>,
}

/// The claims that count here. Libraries write times as floating-point numbers, too.
#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    jti: Option<String>,
    idtyp: Option<String>,
}

/// An assertion in its parts; nothing of it is verified yet.
struct Assertion<'a> {
    header: Header,
    claims: Claims,
    message: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
        Some(Self {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            message: message.as_bytes(),
            signature: decode(signature)?,
        })
    }

    fn is_signed_with(&self, public_key: &[u8]) -> bool {
        let algorithm = match self.header.alg.as_str() {
            "PS256" => &RSA_PSS_2048_8192_SHA256,
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, public_key)
            .verify(self.message, &self.signature)
            .is_ok()
    }

    fn is_current(&self, now: u64) -> bool {
        let seconds = |time: f64| std::time::Duration::try_from_secs_f64(time).ok();
        let Some(end) = seconds(self.claims.exp) else {
            return false;
        };
        let begins = self
            .claims
            .nbf
            .map_or(Some(std::time::Duration::ZERO), seconds);
        now < end.as_secs().saturating_add(LEEWAY)
            && begins.is_some_and(|begin| begin.as_secs() <= now.saturating_add(LEEWAY))
    }
}

impl DevTenant {
    /// Checks a client assertion of the application.
    pub(super) fn check_assertion(
        &mut self,
        kind: Option<&str>,
        text: &str,
        now: u64,
    ) -> Result<(), AadstsError> {
        if kind != Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
            return Err(AadstsError::missing("client_assertion_type"));
        }
        let refuse =
            |number, text: &str| Err(AadstsError::new("invalid_client", number, text.to_owned()));
        let Some(assertion) = Assertion::read(text) else {
            return refuse(50_027, "JWT token is invalid or malformed.");
        };
        let header = &assertion.header;
        if !matches!(header.alg.as_str(), "PS256" | "RS256") {
            return refuse(50_027, "JWT token is invalid or malformed.");
        }
        let thumbprint = header.sha256.as_ref().or(header.sha1.as_ref());
        match (thumbprint, &header.kid) {
            (Some(thumbprint), _) => self.check_certificate(&assertion, thumbprint, now)?,
            (None, Some(_)) => self.check_federated(&assertion, now)?,
            (None, None) => {
                let text = "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor \
                            keyId specified in token header.";
                return refuse(5_002_723, text);
            }
        }
        if !assertion.is_current(now) {
            let text = "Client assertion is not within its valid time range.";
            return refuse(700_024, text);
        }
        // Microsoft documents neither that an assertion is good once nor a number for one that is used again: this is the
        // number of any that is no good. A federated token is good as long as it lasts.
        let id = assertion.claims.jti.as_deref();
        let id = id.filter(|_| thumbprint.is_some() && self.settings.refuses_reused_assertions);
        let until = now.saturating_add(24 * 3600);
        if id.is_some_and(|id| !self.used.is_first(id, until, now)) {
            return refuse(
                50_027,
                "JWT token is invalid or malformed: it was used before.",
            );
        }
        Ok(())
    }

    fn check_certificate(
        &self,
        assertion: &Assertion<'_>,
        thumbprint: &str,
        now: u64,
    ) -> Result<(), AadstsError> {
        let thumbprint = URL_SAFE_NO_PAD.decode(thumbprint.trim_end_matches('='));
        let mut certificates = self.settings.certificates.iter();
        let certificate = thumbprint.ok().and_then(|thumbprint| {
            certificates.find(|known| [&known.sha256, &known.sha1].contains(&&thumbprint))
        });
        let is_signed =
            certificate.is_some_and(|known| assertion.is_signed_with(&known.public_key));
        if !is_signed {
            let text = "The certificate with identifier used to sign the client assertion is not registered on \
                        application.";
            return Err(AadstsError::new("invalid_client", 700_027, text));
        }
        if certificate.is_some_and(|known| known.not_after < now) {
            let text = "The provided certificate is not within its specified validity period.";
            return Err(AadstsError::new("invalid_client", 1_000_502, text));
        }
        let claims = &assertion.claims;
        if claims.iss != CLIENT_ID || claims.sub != CLIENT_ID {
            let text = "The issuer and subject of the client assertion must be the application.";
            return Err(AadstsError::new("invalid_client", 50_048, text));
        }
        let tenant = claims.aud.strip_prefix(&self.config.origin);
        let tenant =
            tenant.and_then(|path| path.strip_prefix('/')?.strip_suffix("/oauth2/v2.0/token"));
        if tenant.and_then(Tenant::parse).is_none() {
            let text = "The audience of the client assertion is not the token endpoint.";
            return Err(AadstsError::new("invalid_client", 700_021, text));
        }
        Ok(())
    }

    /// A token of another issuer, or of the managed identity, which the application has a federated credential for.
    fn check_federated(&self, assertion: &Assertion<'_>, now: u64) -> Result<(), AadstsError> {
        let claims = &assertion.claims;
        if claims.idtyp.as_deref() == Some("user") {
            let text = "Only app-only tokens can be used as Federated Identity Credentials for Microsoft Entra issuer.";
            return Err(AadstsError::new("invalid_client", 700_229, text));
        }
        self.check_federation((&claims.iss, &claims.sub, &claims.aud), now)?;
        let kid = assertion.header.kid.as_deref().unwrap_or_default();
        match self.key_of_issuer(&claims.iss, kid) {
            Some(key) if assertion.is_signed_with(&key.public_key()) => Ok(()),
            _ => {
                let text = "Client assertion failed signature validation.";
                Err(AadstsError::new("invalid_client", 900_384, text))
            }
        }
    }
}
