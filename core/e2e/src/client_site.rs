//! The web site of a client: its document and its keys over TLS, and the key by which it signs. The keys are public and
//! worthless; the certificate is one of this computer's, which a server believes that is told to by `SSL_CERT_FILE`.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures_rustls::rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use ring::{
    rand::SystemRandom,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents},
};
use serde_json::{Value, json};

use crate::{Program, Server};

const CERTIFICATE: &[u8] = include_bytes!("../keys/localhost.cert");
const CERTIFICATE_KEY: &[u8] = include_bytes!("../keys/localhost.pkcs8");
const SIGNING_KEY: &[u8] = include_bytes!("../keys/client.pkcs8");

/// A site.
#[derive(Debug)]
pub struct ClientSite {
    port: u16,
    /// The certificate as PEM. Removed when dropped.
    roots: PathBuf,
    /// Which paths were asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

impl ClientSite {
    /// The site of a client that returns to this address, and proves itself by these methods.
    #[must_use]
    pub fn of(redirect_uri: &str, methods: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let name = format!("entra-mcp-e2e-{}-{port}.pem", std::process::id());
        let roots = std::env::temp_dir().join(name);
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(CERTIFICATE)
        );
        std::fs::write(&roots, pem).expect("the certificate is written");
        let site = Self {
            port,
            roots,
            asked: Arc::default(),
        };
        let document = json!({
            "client_id": site.client_id(), "client_name": "ChatGPT", "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_methods_supported": methods,
            "jwks_uri": format!("https://localhost:{port}/oauth/jwks.json"),
        });
        let (document, keys) = (document.to_string(), public_keys().to_string());
        let asked = Arc::clone(&site.asked);
        std::thread::spawn(move || {
            let config = config();
            for socket in listener.incoming().flatten() {
                let tls = ServerConnection::new(Arc::clone(&config)).expect("TLS is configured");
                serve(StreamOwned::new(tls, socket), &document, &keys, &asked);
            }
        });
        site
    }

    /// The `client_id`: where the document is.
    #[must_use]
    pub fn client_id(&self) -> String {
        format!("https://localhost:{}/oauth/client.json", self.port)
    }

    /// Starts a server that believes the site.
    #[must_use]
    pub fn start(&self, program: &Program) -> Server {
        let roots = self.roots.to_str().expect("a folder for files of a while");
        let arguments = ["--client-documents", "loopback"];
        program.start_with_variables(&arguments, &[("SSL_CERT_FILE", roots)])
    }

    /// Which paths were asked for so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics").clone()
    }

    /// An assertion for an audience, by RS256, good for a minute.
    #[must_use]
    pub fn assertion(&self, audience: &str, jti: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("it is after 1970").as_secs();
        let id = self.client_id();
        let claims =
            json!({"iss": id, "sub": id, "aud": audience, "jti": jti, "iat": now, "exp": now + 60});
        let header = json!({"alg": "RS256", "kid": "1"});
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let key = signing_key();
        let mut signature = vec![0; key.public().modulus_len()];
        let random = SystemRandom::new();
        key.sign(
            &RSA_PKCS1_SHA256,
            &random,
            signed.as_bytes(),
            &mut signature,
        )
        .expect("a key can sign");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Drop for ClientSite {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.roots);
    }
}

fn signing_key() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(SIGNING_KEY).expect("it is a key")
}

fn public_keys() -> Value {
    let key = signing_key();
    let public: RsaPublicKeyComponents<Vec<u8>> = key.public_key().into();
    let [n, e] = [public.n, public.e].map(|number| URL_SAFE_NO_PAD.encode(number));
    json!({"keys": [{"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": n, "e": e}]})
}

fn config() -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(CERTIFICATE_KEY));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("there are versions")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .expect("key and certificate fit");
    Arc::new(config)
}

/// Answers one request.
fn serve(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    document: &str,
    keys: &str,
    asked: &Mutex<Vec<String>>,
) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (kind, body) = match path.ends_with("/jwks.json") {
        true => ("application/jwk-set+json", keys),
        false => ("application/json", document),
    };
    asked.lock().expect("nobody panics").push(path);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
