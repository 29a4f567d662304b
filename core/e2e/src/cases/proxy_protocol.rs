//! A proxy that passes bytes on says whose a connection is (PROXY protocol, versions 1 and 2).

use std::io::{Read as _, Write as _};

use entra_mcp_core::config::AddressRange;
use entra_mcp_runtime::InboundLimits;

use crate::{
    Program,
    echo::{EchoRuntime, connect_from, statuses, talk},
};

const PROXY: &str = "127.0.0.2";
const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn version_1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 192.0.2.1 4711 443\r\n").into_bytes()
}

/// A header of version 2 with this command, from 203.0.113.7, and a TLV behind the addresses.
fn version_2(command: u8) -> Vec<u8> {
    let addresses = [203, 0, 113, 7, 192, 0, 2, 1, 18, 103, 1, 187];
    let rest = [&addresses[..], &[4, 0, 1, 0]].concat();
    let length = u8::try_from(rest.len()).unwrap();
    let start = [0x20 | command, 0x11, 0, length];
    [b"\r\n\r\n\0\r\nQUIT\n", &start[..], &rest].concat()
}

/// M10. The client that a trusted proxy names is counted; nobody else names one.
pub fn client_of_the_proxy_protocol_is_counted(runtime: &impl EchoRuntime) {
    let address = runtime.start_limited(InboundLimits {
        strangers_per_address: 1,
        trusted_proxies: vec![AddressRange::parse(PROXY).unwrap()],
        proxy_protocol: true,
        ..InboundLimits::of_connections(20)
    });
    let send = |from, header: &[u8]| {
        let bytes = [header, REQUEST].concat();
        talk(&mut connect_from(from, address), &bytes)
    };
    let mut first = connect_from(PROXY, address);
    let waiting = b"GET /until-disconnected HTTP/1.1\r\nHost: a\r\n\r\n";
    for bytes in [&version_2(1), &waiting[..]].concat().chunks(9) {
        first.write_all(bytes).unwrap();
    }
    first.read_exact(&mut [0]).unwrap();
    for (header, status) in [
        (version_1("203.0.113.7"), 429),
        (version_2(1), 429),
        (version_1("203.0.113.8"), 200),
        // A health check of the proxy's own, and who it does not know.
        (version_2(0), 200),
        (b"PROXY UNKNOWN\r\n".to_vec(), 200),
    ] {
        let received = send(PROXY, &header);
        assert_eq!(statuses(&received), [status], "{header:?}: {received}");
    }
    // It would count as the proxy's if it were taken without.
    for header in [
        &b""[..],
        b"PROXY TCP4 here\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
    ] {
        assert_eq!(send(PROXY, header), "", "{header:?}");
    }
    assert_eq!(statuses(&send("127.0.0.3", b"")), [200]);
    let forged = send("127.0.0.3", &version_1("203.0.113.9"));
    assert_eq!(statuses(&forged), [400], "{forged}");
}

/// A program that reads HTTP in another way says that it cannot, rather than take the header for a request.
pub fn program_without_it_refuses_to_start(program: &Program) {
    let folder = std::env::temp_dir().join(format!("entra-mcp-proxy-{}", std::process::id()));
    let flags = ["--trusted-proxy", PROXY, "--proxy-protocol", "on"];
    let mut command = program.command();
    let output = command.args(flags).arg("--data-dir").arg(&folder).output();
    let output = output.unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    for part in ["--proxy-protocol", "tiny_http"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}
