use ::http::StatusCode;
use serde_json::json;

use super::*;
use crate::catalog::CallError;

#[test]
fn segment_of_a_path_is_encoded_and_leads_nowhere_else() {
    let id = "../users?x#y%2F";
    let request = GraphRequest::get(["v1.0", "me", id]).query("$filter", "a eq 'b&c'");
    assert_eq!(
        request.path(),
        "v1.0/me/..%2Fusers%3Fx%23y%252F?$filter=a%20eq%20%27b%26c%27"
    );
    for bad in ["", ".", ".."] {
        let request = GraphRequest::get(["v1.0", bad, "me"]);
        assert!(request.check().is_err(), "{bad}");
    }
}

// P9: the token and where it goes are not a function's to say.
#[test]
fn header_that_is_not_allowed_is_refused() {
    for name in [
        "Authorization",
        "host",
        "Cookie",
        "X-HTTP-Method",
        "content-length",
        "a b",
    ] {
        let request = GraphRequest::get(["v1.0", "me"]).header(name, "x");
        let error = request.check().unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(matches!(CallError::from(error), CallError::Internal(_)));
    }
    let request = GraphRequest::get(["v1.0", "me"]).header("Prefer", "a\r\nAuthorization: x");
    assert!(request.check().is_err());
    let request = GraphRequest::get(["v1.0", "me"]).header("ConsistencyLevel", "eventual");
    assert_eq!(request.check(), Ok(()));
}

#[test]
fn body_and_bounds_of_a_request_are_limited() {
    let request = || GraphRequest::post(["v1.0", "me", "sendMail"]);
    let small = request().json(&json!({"a": 1}));
    assert_eq!(small.headers()["content-type"], "application/json");
    assert_eq!(small.content(), r#"{"a":1}"#);
    let large = request().body("text/plain", vec![0; limits::GRAPH_REQUEST_BYTES + 1]);
    assert!(large.check().is_err());
    let bounds = request().response_limit(usize::MAX).timeout(Duration::MAX);
    let most = (limits::GRAPH_RESPONSE_BYTES, limits::GRAPH_TIMEOUT);
    assert_eq!(bounds.bounds(&CallLimits::default()), most);
    let fewer = CallLimits {
        graph_answer_bytes: 7,
        ..CallLimits::default()
    };
    assert_eq!(bounds.bounds(&fewer), (7, limits::GRAPH_TIMEOUT));
}

#[test]
fn page_has_the_request_for_the_next_with_the_same_headers() {
    let link = "https://graph.example/v1.0/me/messages?$skip=10";
    let request = GraphRequest::get(["v1.0", "me", "messages"]).header("Prefer", "x");
    let body = json!({"value": [{"id": 1}], "@odata.nextLink": link}).to_string();
    let page = GraphResponse::new(body).page_of(&request).unwrap();
    let next = page.next.unwrap();
    assert_eq!(
        (next.path(), &next.headers()["prefer"]),
        (link, &HeaderValue::from_static("x"))
    );
    let last = GraphResponse::new(r#"{"value": []}"#)
        .page_of(&request)
        .unwrap();
    assert_eq!(last.next, None);
    assert!(GraphResponse::new("{}").page_of(&request).is_err());
}

// O1: what the model cannot mend is told in the server's own words.
#[test]
fn model_is_told_of_graphs_words_what_it_can_mend() {
    let told = |status, body: &str| {
        let status = StatusCode::from_u16(status).unwrap();
        match CallError::from(GraphError::of_answer(status, body.as_bytes())) {
            CallError::Message(told) => told,
            other => panic!("{other:?}"),
        }
    };
    let body = json!({"error": {"code": "BadRequest", "message": "No property\n'x'."}}).to_string();
    assert_eq!(
        told(400, &body),
        "Microsoft Graph does not accept this request. It says: No property 'x'. (BadRequest)."
    );
    for status in [401, 403, 500, 503] {
        assert!(!told(status, &body).contains("property"), "{status}");
    }
    for odd in ["", "[]", r#"{"error": 7}"#] {
        assert!(told(400, odd).ends_with("this request."));
    }
    let long = json!({"error": {"message": "é".repeat(9000)}}).to_string();
    assert!(told(400, &long).chars().count() < 600);
}
