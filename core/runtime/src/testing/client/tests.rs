use serde_json::json;

use super::*;

#[test]
fn result_of_a_call_has_its_text_and_data() {
    let result = CallResult(json!({"content": [{"type": "text", "text": "a"},
        {"type": "image"}, {"type": "text", "text": "b"}], "structuredContent": {"n": 1}}));
    assert_eq!(result.text(), "a\nb");
    assert_eq!(result.data()["n"], 1);
    assert!(!result.is_error());
}

#[test]
fn challenge_for_more_scopes_is_read() {
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"user.read mail.read\"";
    let error = ClientError::of_status(403, "no").with_challenge(challenge);
    assert_eq!(error.needs_scope.as_deref(), Some("user.read mail.read"));
    let other = ClientError::of_status(401, "no").with_challenge("Bearer realm=\"x\"");
    assert_eq!(other.needs_scope, None);
}
