use std::collections::BTreeSet;

use ::http::{HeaderMap, StatusCode};
use serde_json::json;

use super::*;
use crate::{
    entra::error::{EntraError, Step},
    http::form::Form,
    log_event::Field,
    oauth::sign_in_failure::Failure,
    testing::TestServer,
};

const CORRELATION_ID: &str = "0ad5cd57-1b36-4d4c-9d3a-8c7b3b1a1c01";
const TIMESTAMP: &str = "2026-11-27 09:08:07Z";

/// What Entra writes around the number: names and tokens, none of which may be repeated.
const TEXT: &str = "user alice@contoso.example, token eyJ0eXAi.secret";

/// The error as the token endpoint answers it, with the `error` that Microsoft's documentation has for such.
fn answered(known: &KnownError) -> EntraError {
    let error = match known.concerns {
        Concerns::User(_) | Concerns::Administrator => "invalid_grant",
        Concerns::Operator => "invalid_client",
        Concerns::Passing => "temporarily_unavailable",
    };
    let body = json!({
        "error": error, "error_codes": [known.number], "timestamp": TIMESTAMP,
        "correlation_id": CORRELATION_ID, "error_description": format!("AADSTS{}: {TEXT}", known.number),
    });
    let headers = HeaderMap::new();
    EntraError::of_response(
        StatusCode::BAD_REQUEST,
        &headers,
        body.to_string().as_bytes(),
    )
}

/// The same, as the browser brings it back.
fn redirected(known: &KnownError) -> EntraError {
    let text = format!(
        "AADSTS{}: {TEXT} Trace ID: {CORRELATION_ID} Correlation ID: {CORRELATION_ID} Timestamp: {TIMESTAMP}",
        known.number
    );
    let error = match known.concerns {
        Concerns::User(_) | Concerns::Administrator => "access_denied",
        Concerns::Operator => "invalid_request",
        Concerns::Passing => "temporarily_unavailable",
    };
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("error", error)
        .append_pair("error_description", &text)
        .finish();
    EntraError::of_redirect(&Form::parse(form.as_bytes()))
}

#[test]
fn every_known_error_says_to_user_client_and_operator_what_it_means() {
    let server = TestServer::dev();
    for known in KNOWN_ERRORS {
        let number = known.number;
        for error in [answered(known), redirected(known)] {
            // The operator's line of the log.
            let line = error.log_event(Step::SignIn);
            assert_eq!(line.field(Field::Aadsts), Some(number.to_string().as_str()));
            assert_eq!(line.field(Field::AadstsMeaning), Some(known.cause));
            assert_eq!(
                line.field(Field::Fix),
                Some(known.fix),
                "the fix is whole: {number}"
            );
            assert_eq!(line.field(Field::CorrelationId), Some(CORRELATION_ID));
            // The client's error, and what the user reads.
            let (code, description) = Failure::told(&error, server.env());
            let expected = match known.concerns {
                Concerns::User(_) | Concerns::Administrator => "access_denied",
                Concerns::Operator => "server_error",
                Concerns::Passing => "temporarily_unavailable",
            };
            assert_eq!(code.as_str(), expected, "{number}");
            for part in [
                known.cause,
                known.concerns.advice(),
                &number.to_string(),
                CORRELATION_ID,
                TIMESTAMP,
            ] {
                assert!(description.contains(part), "{number}: {description}");
            }
            let page = error.page(&server.server.config).unwrap();
            assert!(
                page.contains(known.cause) && page.contains(CORRELATION_ID),
                "{page}"
            );
            let all = format!("{line} {description} {page}");
            assert!(
                !all.contains("alice") && !all.contains("eyJ"),
                "{number}: {all}"
            );
            // RFC 6749 section 5.2
            let is_allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(
                description.bytes().all(is_allowed),
                "{number}: {description}"
            );
        }
    }
}

// D24: who is told that consent is missing learns where it is given.
#[test]
fn missing_consent_names_the_page_for_administrators_where_there_are_several_tenants() {
    let mut server = TestServer::dev();
    let missing = known(90_094).unwrap();
    let address = "http://localhost:3001/admin-consent";
    let told = |server: &TestServer, known| {
        let error = answered(known);
        let (_, description) = Failure::told(&error, server.env());
        (description, error.page(&server.server.config).unwrap())
    };
    let (description, page) = told(&server, missing);
    assert!(!description.contains(address) && !page.contains(address));
    let entra = &mut server.server.config.entra;
    entra.tenants = crate::config::Tenants::AnyOrganization;
    let (description, page) = told(&server, missing);
    assert!(description.contains(address), "{description}");
    assert!(page.contains(address), "{page}");
    let (description, _) = told(&server, known(50_057).unwrap());
    assert!(!description.contains(address), "{description}");
}

#[test]
fn table_is_in_order_and_names_each_number_once() {
    assert!(KNOWN_ERRORS.is_sorted_by(|one, next| one.number < next.number));
    let numbers: BTreeSet<_> = KNOWN_ERRORS.iter().map(|error| error.number).collect();
    assert_eq!(numbers.len(), KNOWN_ERRORS.len());
    for error in KNOWN_ERRORS {
        assert_eq!(known(error.number), Some(error));
        assert!(
            error.cause.ends_with('.') && !error.fix.is_empty(),
            "{error:?}"
        );
        // What the operator mends has a way to mend it.
        let is_mended = error.concerns != Concerns::Operator || error.fix.len() > 20;
        assert!(is_mended, "{error:?}");
    }
    for unknown in [0, 50010, 52999, 53005, u64::MAX] {
        assert_eq!(known(unknown), None, "{unknown}");
    }
}

#[test]
fn what_is_shaped_like_neither_id_nor_time_is_not_repeated() {
    for wrong in [
        "alice@contoso.example",
        "2026-11-27T09:08:07Z",
        "2026-11-27 09:08:07Z; alice",
        "",
    ] {
        let body = json!({"error": "invalid_grant", "error_codes": [50057], "timestamp": wrong,
            "correlation_id": wrong});
        let headers = HeaderMap::new();
        let body = body.to_string();
        let error = EntraError::of_response(StatusCode::BAD_REQUEST, &headers, body.as_bytes());
        let server = TestServer::dev();
        let (_, description) = Failure::told(&error, server.env());
        assert!(
            description.ends_with("(Entra ID error 50057.)"),
            "{description}"
        );
    }
}
