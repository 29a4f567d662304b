//! Requests that can be read in two ways are refused, and nothing behind them is served (threats L1 to L9).

use crate::echo::{EchoRuntime, assert_refused, exchange, statuses};

/// L1. A length beside a coding is refused, and hides no request.
pub fn content_length_beside_transfer_encoding_is_refused(runtime: &impl EchoRuntime) {
    assert_refused(
        runtime,
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nbody",
        ],
    );
}

/// L2, L4.
pub fn repeated_and_invalid_content_lengths_are_refused(runtime: &impl EchoRuntime) {
    let invalid = [
        "4\r\nContent-Length: 5",
        "4\r\nContent-Length: 4",
        "4, 4",
        "+4",
        "-1",
        "0x4",
        "4 4",
        "4.0",
        "",
        "18446744073709551616",
        "99999999999999999999999999",
        "\u{664}",
    ];
    for length in invalid {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nbody");
        assert_refused(runtime, 400, &[&request]);
    }
}

/// L3.
pub fn transfer_codings_other_than_chunked_are_refused(runtime: &impl EchoRuntime) {
    let invalid = [
        "identity",
        "xchunked",
        "chunked, chunked",
        "gzip, chunked",
        "chunked, identity",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked;q=1",
        "\"chunked\"",
        "\u{b}chunked",
        "",
    ];
    for coding in invalid {
        let request =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        assert_refused(runtime, 400, &[&request]);
    }
    assert_refused(
        runtime,
        400,
        &["POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    );
}

/// L5.
pub fn malformed_chunks_are_refused(runtime: &impl EchoRuntime) {
    let invalid = [
        "x\r\n",
        "\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-1\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "FFFFFFFFFFFFFFFF0\r\nabc",
        "100000000000000003\r\nabc\r\n0\r\n\r\n",
        "3;x=\n\r\nabc\r\n0\r\n\r\n",
        "0\r\nno field\r\n\r\n",
        "0\r\n: x\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        // What lenient parsers accept.
        "3 \r\nabc\r\n0\r\n\r\n",
        "3;\0\r\nabc\r\n0\r\n\r\n",
        "0\r\nX: y\n\r\n",
    ];
    for chunks in invalid {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_refused(runtime, 400, &[&format!("{head}{chunks}")]);
    }
    let long = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;{}\r\nabc",
        "x".repeat(300)
    );
    assert_refused(runtime, 400, &[&long]);
}

/// L5, M8. A small body is not wrapped in an endless one.
pub fn oversized_chunk_extensions_and_trailers_are_refused(runtime: &impl EchoRuntime) {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extension = "x".repeat(200);
    let wrapped = format!("1;{extension}\r\na\r\n").repeat(200);
    assert_refused(runtime, 400, &[&format!("{head}{wrapped}0\r\n\r\n")]);
    let trailers = format!("X: {extension}\r\n").repeat(200);
    assert_refused(runtime, 400, &[&format!("{head}0\r\n{trailers}\r\n")]);
}

/// L6.
pub fn folded_and_malformed_header_lines_are_refused(runtime: &impl EchoRuntime) {
    let invalid = [
        "X-A: b\r\n c",
        "X-A: b\r\n\tc",
        " X-A: b",
        "\tX-A: b",
        "X-A : b",
        "X-A\t: b",
        "X A: b",
        ": b",
        "no colon",
        "X-A: b\rc",
        "X-A: b\nX-B: c",
        "X-A: b\n",
        "X-A: \0",
        "X-A: \u{1}",
        "X-A: \u{7f}",
        "X-\u{e4}: b",
        "X-(A): b",
    ];
    for field in invalid {
        assert_refused(
            runtime,
            400,
            &[&format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")],
        );
        assert_refused(
            runtime,
            400,
            &[&format!("GET / HTTP/1.1\r\n{field}\r\nHost: a\r\n\r\n")],
        );
    }
    assert_refused(
        runtime,
        400,
        &[
            "GET / HTTP/1.1\nHost: a\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
}

/// L8.
pub fn missing_repeated_and_invalid_hosts_are_refused(runtime: &impl EchoRuntime) {
    assert_refused(
        runtime,
        400,
        &[
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n",
        ],
    );
}

/// L9.
pub fn invalid_request_lines_are_refused(runtime: &impl EchoRuntime) {
    let invalid = [
        "GET / HTTP/2.0",
        "GET / HTTP/1.2",
        "GET / HTTP/0.9",
        "GET / HTTP/01.1",
        "GET / http/1.1",
        "GET / HTTP/1.1 x",
        "GET / HTTP/1.1 ",
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET",
        "get / HTTP/1.1",
        "Get / HTTP/1.1",
        "G/T / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET a HTTP/1.1",
        "GET * HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT a:443 HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "GET /#fragment HTTP/1.1",
        "GET /\u{e4} HTTP/1.1",
        "GET /\u{7f} HTTP/1.1",
        "PRI * HTTP/2.0",
        "\u{16}\u{3}\u{1}",
    ];
    for line in invalid {
        assert_refused(runtime, 400, &[&format!("{line}\r\nHost: a\r\n\r\n")]);
    }
}

/// L7. A body that was not read is not read as a request.
pub fn early_refusal_leaves_no_request_behind(runtime: &impl EchoRuntime) {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_refused(
        runtime,
        401,
        &[
            &format!(
                "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}",
                hidden.len()
            ),
            "POST /refused HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        ],
    );
    let received = exchange(
        runtime,
        b"GET /refused HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(
        statuses(&received),
        [401, 200],
        "without a body the connection goes on: {received}"
    );
}
