use super::*;

const CORRELATION_ID: &str = "0ad5cd57-1b36-4d4c-9d3a-8c7b3b1a1c01";

fn read(status: u16, headers: &HeaderMap, body: &str) -> EntraError {
    let status = StatusCode::from_u16(status).unwrap();
    EntraError::of_response(status, headers, body.as_bytes())
}

fn of(status: u16, error: &str, suberror: &str) -> EntraError {
    let body = serde_json::json!({
        "error": error, "suberror": suberror, "error_codes": [50173], "correlation_id": CORRELATION_ID,
        "error_description": "AADSTS50173: alice@contoso.example ...",
    });
    read(status, &HeaderMap::new(), &body.to_string())
}

// D10
#[test]
fn refused_request_differs_from_a_grant_that_is_gone() {
    for (error, suberror) in [
        ("invalid_grant", "consent_required"),
        ("invalid_grant", "message_only"),
        ("invalid_grant", "basic_action"),
        ("interaction_required", ""),
    ] {
        let refused = of(400, error, suberror);
        assert!(refused.is_consent_required(), "{error} {suberror}");
    }
    for (status, error, suberror) in [
        (400, "invalid_grant", ""),
        (400, "invalid_grant", "bad_token"),
        (400, "invalid_grant", "token_expired"),
        (400, "invalid_scope", ""),
        (503, "interaction_required", ""),
    ] {
        let refused = of(status, error, suberror);
        assert!(!refused.is_consent_required(), "{error} {suberror}");
    }
}

// D5, D10; Microsoft identity platform, "Handle errors" of the token endpoint
#[test]
fn entra_error_is_classified_by_who_must_act() {
    for error in [
        "invalid_grant",
        "interaction_required",
        "login_required",
        "consent_required",
    ] {
        assert!(
            matches!(of(400, error, ""), EntraError::SignInAgain(_)),
            "{error}"
        );
    }
    assert!(matches!(
        of(400, "other", "basic_action"),
        EntraError::SignInAgain(_)
    ));
    for error in [
        "invalid_client",
        "unauthorized_client",
        "invalid_scope",
        "invalid_target",
    ] {
        assert!(
            matches!(of(401, error, ""), EntraError::Configuration(_)),
            "{error}"
        );
    }
    for (status, error) in [(503, "other"), (400, "temporarily_unavailable")] {
        assert!(
            matches!(of(status, error, ""), EntraError::Unavailable(_)),
            "{error}"
        );
    }
    let throttled = of(429, "invalid_grant", "");
    assert!(
        matches!(throttled, EntraError::Throttled(_, wait) if wait == limits::RETRY_AFTER_DEFAULT)
    );
    let html = read(502, &HeaderMap::new(), "<html>");
    assert!(matches!(html, EntraError::Unavailable(_)));
}

// D10: a member that nobody needs must not hide that the grant is gone.
#[test]
fn malformed_member_of_an_error_hides_no_other() {
    for body in [
        r#"{"error":"invalid_grant","suberror":null}"#,
        r#"{"error":"invalid_grant","error_codes":null,"correlation_id":7}"#,
        r#"{"error":"invalid_grant","error_codes":["50173"]}"#,
        r#"{"error":"invalid_grant","error_codes":[-1]}"#,
        r#"{"error":null,"suberror":"basic_action"}"#,
    ] {
        let error = read(400, &HeaderMap::new(), body);
        assert!(matches!(error, EntraError::SignInAgain(_)), "{body}");
    }
}

// D14: throttling signs nobody out.
#[test]
fn error_with_retry_after_is_throttling() {
    for (value, logged) in [("17", true), ("Wed, 21 Oct 2026 07:28:00 GMT", false)] {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        for body in [r#"{"error":"invalid_grant"}"#, r#"{"error":"other"}"#, ""] {
            let error = read(400, &headers, body);
            let EntraError::Throttled(_, wait) = &error else {
                panic!("{error:?}");
            };
            assert_eq!(wait.as_secs(), if logged { 17 } else { 5 });
            let line = format!("{:?}", error.log_event(Step::SignIn));
            assert_eq!(line.contains(r#"retry_after="17""#), logged, "{line}");
        }
    }
}

// D14: the error says that the user must sign in, which would go on with the loop.
#[test]
fn request_loop_is_throttling_and_ends_no_session() {
    let body = r#"{"error":"invalid_grant","error_codes":[50196]}"#;
    let error = read(400, &HeaderMap::new(), body);
    assert!(matches!(error, EntraError::Throttled(_, wait) if wait == limits::REQUEST_LOOP));
}

// D5, O1: numbers for support, no text.
#[test]
fn error_is_logged_with_number_and_correlation_id_without_text() {
    let line = of(400, "invalid_grant", "").log_event(Step::TokenRenewal);
    let line = line.to_string();
    assert!(
        line.contains("50173") && line.contains(CORRELATION_ID),
        "{line}"
    );
    assert!(!line.contains("alice"), "{line}");
    assert!(!line.contains("suberror"), "{line}");
    let line = of(400, "invalid_grant", "bad_token").log_event(Step::TokenRenewal);
    assert_eq!(line.field(Field::Suberror), Some("bad_token"));
}

#[test]
fn answer_that_cannot_be_read_is_logged_as_such() {
    let line = EntraError::unreadable().log_event(Step::CodeRedemption);
    assert_eq!(line.id(), LogEventId::EntraUnavailable);
    assert_eq!(line.field(Field::Error), Some("unreadable answer"));
}

#[test]
fn known_aadsts_number_has_a_meaning() {
    let body = r#"{"error":"invalid_client","error_codes":[7000222]}"#;
    let error = read(401, &HeaderMap::new(), body);
    let line = error.log_event(Step::CodeRedemption);
    assert_eq!(line.id(), LogEventId::EntraMisconfigured);
    assert_eq!(
        line.field(Field::AadstsMeaning),
        Some("The client secret has expired.")
    );
    assert_eq!(error.known().unwrap().number, 7_000_222);
}
