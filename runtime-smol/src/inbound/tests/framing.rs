//! What can be read in two ways is refused, and nothing behind it is served (threats L1 to L9).

use super::{refused, said, statuses};

// L1
#[test]
fn a_length_and_a_coding_together_hide_no_request() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nbody",
        ],
    );
}

// L2, L4
#[test]
fn repeated_and_odd_lengths_are_refused() {
    let odd = [
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
    for length in odd {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nbody");
        refused(400, &[&request]);
    }
}

// L3
#[test]
fn a_coding_that_is_not_plainly_chunked_is_refused() {
    let odd = [
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
    for coding in odd {
        let request =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        refused(400, &[&request]);
    }
    refused(
        400,
        &["POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    );
}

// L5
#[test]
fn malformed_chunks_are_refused() {
    let odd = [
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
    ];
    for chunks in odd {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        refused(400, &[&format!("{head}{chunks}")]);
    }
    let long = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;{}\r\nabc",
        "x".repeat(300)
    );
    refused(400, &[&long]);
}

// L5: hyper reads these, and nothing behind them.
#[test]
fn chunks_that_hyper_bears_hide_no_request() {
    let bearable = [
        "3 \r\nabc\r\n0\r\n\r\n",
        "3;\0\r\nabc\r\n0\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "3\r\nabc\r\n0\r\n\r\n",
    ];
    for chunks in bearable {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        refused(200, &[&format!("{head}{chunks}")]);
    }
}

// L5, M8: a small body in an endless wrapping
#[test]
fn chunks_that_are_nearly_all_extension_and_endless_trailers_are_refused() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extension = "x".repeat(200);
    let wrapped = format!("1;{extension}\r\na\r\n").repeat(200);
    refused(400, &[&format!("{head}{wrapped}0\r\n\r\n")]);
    let trailers = format!("X: {extension}\r\n").repeat(200);
    refused(400, &[&format!("{head}0\r\n{trailers}\r\n")]);
}

// L6
#[test]
fn folded_and_broken_lines_are_refused() {
    let odd = [
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
    for field in odd {
        refused(
            400,
            &[&format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")],
        );
        refused(
            400,
            &[&format!("GET / HTTP/1.1\r\n{field}\r\nHost: a\r\n\r\n")],
        );
    }
    refused(
        400,
        &[
            "GET / HTTP/1.1\nHost: a\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
}

// L8
#[test]
fn there_is_exactly_one_host_and_a_whole_one() {
    refused(
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

// L9
#[test]
fn a_request_line_that_is_not_ours_is_refused() {
    let odd = [
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
        "GET http://a/ HTTP/1.1",
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
    for line in odd {
        refused(400, &[&format!("{line}\r\nHost: a\r\n\r\n")]);
    }
}

// L7
#[test]
fn a_refusal_before_the_body_is_read_leaves_no_request_behind() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    refused(
        401,
        &[
            &format!(
                "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}",
                hidden.len()
            ),
            "POST /refused HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        ],
    );
    let said =
        said(b"GET /refused HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        statuses(&said),
        [401, 200],
        "without a body the connection goes on: {said}"
    );
}
