//! PKCE towards our clients: S256 and nothing else (RFC 7636; RFC 9700 section 2.1.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{secret::constant_time_equal, session::record::Hash};

/// Whether a `code_verifier` fits the challenge of its code. Of a code without a challenge none may be sent: who sends
/// one had asked for another code (RFC 9700 section 4.8.2). Only a client that proves itself by a secret gets such a
/// code.
pub(crate) fn fits(code_verifier: Option<&str>, code_challenge: Option<&str>) -> bool {
    match (code_verifier, code_challenge) {
        (Some(verifier), Some(challenge)) => verifies(verifier, challenge),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether a `code_verifier` is one that may be, and the one that the challenge was made of
/// (RFC 7636 sections 4.1 and 4.6).
pub(crate) fn verifies(code_verifier: &str, code_challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let well_formed =
        (43..=128).contains(&code_verifier.len()) && code_verifier.bytes().all(unreserved);
    let made = URL_SAFE_NO_PAD.encode(Hash::of(code_verifier.as_bytes()).0);
    well_formed && constant_time_equal(made.as_bytes(), code_challenge.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    // C2
    #[test]
    fn verifier_and_challenge_go_together() {
        assert!(fits(Some(VERIFIER), Some(CHALLENGE)) && fits(None, None));
        assert!(!fits(None, Some(CHALLENGE)) && !fits(Some(VERIFIER), None));
    }

    // C1, C3
    #[test]
    fn wrong_pkce_verifier_is_refused() {
        assert!(verifies(VERIFIER, CHALLENGE));
        let wrong = [
            "".to_owned(),
            CHALLENGE.to_owned(),
            VERIFIER.to_lowercase(),
            format!("{VERIFIER} "),
            VERIFIER.replace('-', "+"),
        ];
        for verifier in wrong {
            assert!(!verifies(&verifier, CHALLENGE), "{verifier}");
        }
        for length in [42, 129] {
            let verifier = "a".repeat(length);
            let challenge = URL_SAFE_NO_PAD.encode(Hash::of(verifier.as_bytes()).0);
            assert!(!verifies(&verifier, &challenge), "{length}");
        }
    }
}
