//! TLS, with a certificate that only whoever is told of it believes. Its key is public and worthless.

use entra_mcp_core::config::{RedisAddress, RedisEndpoint};

use super::{record::pem, testing::free_port, *};

const CERTIFICATE: &[u8] =
    include_bytes!("../../../../../../runtime-smol/src/outbound/tests/localhost.cert");
const KEY: &[u8] =
    include_bytes!("../../../../../../runtime-smol/src/outbound/tests/localhost.pkcs8");

// Q1
#[test]
fn redis_is_reached_over_tls_only_if_its_certificate_is_believed() {
    let certificate = String::from_utf8(pem(&[CERTIFICATE.to_vec()])).unwrap();
    let key = String::from_utf8(pem(&[KEY.to_vec()])).unwrap();
    let key = key.replace("CERTIFICATE", "PRIVATE KEY");
    let folder = std::env::temp_dir().join(format!("entra-mcp-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key) = (file("cert.pem", &certificate), file("key.pem", &key));
    let port = free_port();
    let _redis = RedisProcess::with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ]);
    let open = |host: &str, roots: Option<&[Vec<u8>]>| {
        let endpoint = RedisEndpoint::Tcp {
            address: RedisAddress {
                host: host.to_owned(),
                port,
            },
            is_secure: true,
        };
        let server = RedisServer {
            endpoint,
            database: 0,
            user: None,
            password: None,
            prefix: "tls:".to_owned(),
        };
        RedisStore::open(&server, roots, None, now())
    };
    let roots = [CERTIFICATE.to_vec()];
    let store = open("localhost", Some(&roots)).unwrap();
    assert!(put(&store, "a", "one", Guard::Absent));
    assert_eq!(text(get(&store, "a")).as_deref(), Some("one"));
    // Mozilla does not know it, and it is good for another name only.
    assert!(open("localhost", None).is_err());
    assert!(open("127.0.0.1", Some(&roots)).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}
