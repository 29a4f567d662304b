//! Which URIs a template matches.

use serde_json::json;

use super::*;

fn values(template: &str, uri: &str) -> Value {
    matches(template, uri).map_or(Value::Null, Value::Object)
}

#[test]
fn template_matches_a_uri_and_gives_its_variables() {
    for (template, uri, found) in [
        ("a://{id}/data", "a://x%20y/data", json!({"id": "x y"})),
        ("a://{id}", "a://x@y=", json!({"id": "x@y="})),
        ("a://{id}", "a://caf\u{e9}", json!({"id": "caf\u{e9}"})),
        // A literal may occur in a value.
        ("a://{name}.txt", "a://a.txt.txt", json!({"name": "a.txt"})),
        ("a://{a}b", "a://bb", json!({"a": "b"})),
        ("a://{a}-{b}", "a://1-2-3", json!({"a": "1", "b": "2-3"})),
        // RFC 6570 section 3.1: a literal that no URI can hold is encoded.
        ("a://caf\u{e9}/{id}", "a://caf%c3%A9/1", json!({"id": "1"})),
    ] {
        assert_eq!(values(template, uri), found, "{template} {uri}");
    }
    for uri in [
        "a:///data",
        "a://1/2/data",
        "a://1/data/",
        "a://1?x/data",
        "a://1#x/data",
        "a://%ff/data",
        "a://%4/data",
        "a://1",
        "",
    ] {
        assert_eq!(values("a://{id}/data", uri), Value::Null, "{uri}");
    }
}

// RFC 6570 sections 3.2.3 to 3.2.8
#[test]
fn operators_match_what_they_expand_to() {
    for (template, uri, found) in [
        ("a://{x,y}", "a://1,2", json!({"x": "1", "y": "2"})),
        ("a://{+path}", "a://b/c.txt", json!({"path": "b/c.txt"})),
        ("a://{+path}/raw", "a://b/c/raw", json!({"path": "b/c"})),
        (
            "a://{+url}",
            "a://http://b.c/d?e=f#g",
            json!({"url": "http://b.c/d?e=f#g"}),
        ),
        (
            "a://{+url}",
            "a://https://b.c/",
            json!({"url": "https://b.c/"}),
        ),
        ("a://b{/x,y}", "a://b/1/2", json!({"x": "1", "y": "2"})),
        ("a://b{#part}", "a://b#c/d", json!({"part": "c/d"})),
        (
            "a://{name}{.kind}",
            "a://b.txt",
            json!({"name": "b", "kind": "txt"}),
        ),
        ("a://b{?q,n}", "a://b", json!({})),
        ("a://b{?q,n}", "a://b?", json!({})),
        (
            "a://b{?q,n}",
            "a://b?n=2&q=x%20/y",
            json!({"q": "x /y", "n": "2"}),
        ),
        ("a://{id}{?q}", "a://1?q=", json!({"id": "1", "q": ""})),
    ] {
        assert_eq!(values(template, uri), found, "{template} {uri}");
    }
    for (template, uri) in [
        ("a://{+path}", "a://"),
        ("a://{+path}", "a://b/../c"),
        ("a://{+path}", "a://b/%2e%2E/c"),
        ("a://{+path}", "a://..%2Fc"),
        ("a://{+path}", "a://b%5Cc"),
        ("a://b{/x}", "a://b/1/2"),
        ("a://b{?q}", "a://b?other=1"),
        ("a://b{?q}", "a://b?q=1&q=2"),
        ("a://b{?q}", "a://b?q"),
        ("a://b{?q}", "a://b?q=1#c"),
        ("a://b{?q}", "a://b?q=%ff"),
    ] {
        assert_eq!(values(template, uri), Value::Null, "{template} {uri}");
    }
}

// P9
#[test]
fn value_that_leads_elsewhere_or_is_spelled_otherwise_does_not_match() {
    for (template, uri) in [
        ("a://{b}/{c}", "a://../c"),
        ("a://{b}/{c}", "a://b/%2e%2E"),
        ("a://{b}", "a://."),
        ("a://b{.kind}", "a://b..."),
        ("a://{+path}", "a:///etc/passwd"),
        ("a://{+path}", "a://b//c"),
        ("a://{+path}", "a://b/"),
        ("a://{+path}", "a://b%2Fc"),
        ("a://{+path}", "a://b%2fc"),
        ("a://b{#part}", "a://b#../c"),
    ] {
        assert_eq!(values(template, uri), Value::Null, "{template} {uri}");
    }
    let encoded = values("a://admin/{b}", "a://%61dm%69n/%62");
    assert_eq!(encoded, json!({"b": "b"}));
    assert!(are_same("a://caf\u{e9}/%7E", "a://caf%c3%A9/~"));
    assert!(!are_same("a://b%2Fc", "a://b/c"));
}

#[test]
fn decoded_value_with_a_separator_does_not_match() {
    for uri in [
        "a://x%2Fy",
        "a://x%2fy",
        "a://%2F",
        "a://x%5cy",
        "a://..%2F..%2Fetc",
    ] {
        assert_eq!(values("a://{id}", uri), Value::Null, "{uri}");
    }
    assert_eq!(values("a://{id}", "a://x%252Fy"), json!({"id": "x%2Fy"}));
}

// Each place is looked at once a piece, however many ways there are.
#[test]
fn ambiguous_uri_is_matched_in_linear_time() {
    let template = "a://{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}/";
    let uri = format!("a://{}", "-".repeat(2000));
    assert_eq!(values(template, &uri), Value::Null);
    let template = "a://{+a}-{+b}-{+c}-{+d}-{+e}-{+f}-{+g}-{+h}!";
    assert_eq!(values(template, &uri), Value::Null);
}
