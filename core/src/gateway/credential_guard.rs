//! Whether what a backend sends holds a credential that was sent to it (threat R3).
//!
//! A tool that prints its headers, or an error that quotes them, would hand a client what only the backend may have. A copy
//! is found as it was sent; one that was escaped, encoded or cut to pieces is not.

use std::{collections::VecDeque, sync::Arc};

use memchr::memmem;

use crate::{limits, secret::Secret};

/// Shorter texts are found everywhere, and guard nothing.
const SHORTEST: usize = 16;

/// How many bytes of the end of a credential are looked for before the others are compared.
const LOOKED_FOR: usize = 24;

/// The credentials that went to a backend with one request.
#[derive(Default)]
pub(crate) struct CredentialGuard {
    credentials: Vec<Arc<Secret<String>>>,
    /// Those that are guarded for as long as there are not too many later ones.
    recent: VecDeque<Arc<Secret<String>>>,
}

impl std::fmt::Debug for CredentialGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.credentials.len() + self.recent.len();
        write!(f, "CredentialGuard({number})")
    }
}

impl CredentialGuard {
    /// Guards this credential, too.
    pub(crate) fn add(&mut self, credential: Arc<Secret<String>>) {
        if credential.expose().len() >= SHORTEST {
            self.credentials.push(credential);
        }
    }

    /// Guards this one for a while, as often as it is sent.
    pub(crate) fn add_recent(&mut self, credential: Arc<Secret<String>>) {
        if self.recent.iter().any(|one| Arc::ptr_eq(one, &credential)) {
            return;
        }
        if self.recent.len() >= limits::GUARDED_ASSERTIONS {
            self.recent.pop_front();
        }
        self.recent.push_back(credential);
    }

    /// How many bytes at the end of a text may be the start of one of them.
    pub(crate) fn begun_at_end(&self, text: &[u8]) -> usize {
        let credentials = self.credentials.iter().chain(&self.recent);
        let begun = credentials.map(|one| begun_at_end(text, one.expose().as_bytes()));
        begun.max().unwrap_or(0)
    }

    /// Whether a text holds one of them.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let mut credentials = self.credentials.iter().chain(&self.recent);
        credentials.any(|one| holds(text.as_bytes(), one.expose().as_bytes()))
    }
}

/// Whether a text holds another. Its end is looked for: to look for all of it takes a preparation that costs more than most texts.
fn holds(text: &[u8], credential: &[u8]) -> bool {
    let before = credential.len().saturating_sub(LOOKED_FOR);
    let (start, end) = credential.split_at(before);
    memmem::find_iter(text, end).any(|at| text.get(..at).is_some_and(|text| text.ends_with(start)))
}

/// How many bytes at the end of a text are the start of another, and not all of it.
fn begun_at_end(text: &[u8], credential: &[u8]) -> usize {
    let longest = text.len().min(credential.len().saturating_sub(1));
    let end = text.get(text.len() - longest..).unwrap_or_default();
    let Some(first) = credential.first() else {
        return 0;
    };
    let mut starts = memchr::memchr_iter(*first, end).filter_map(|at| end.get(at..));
    let begun = starts.find(|start| credential.starts_with(start));
    begun.map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> CredentialGuard {
        let mut guard = CredentialGuard::default();
        guard.add(Arc::new(Secret::new(
            "eyJhbGciOiJFUzI1NiJ9.e30.c2ln".to_owned(),
        )));
        guard.add(Arc::new(Secret::new("short".to_owned())));
        guard
    }

    // R3
    #[test]
    fn copy_of_a_credential_is_found_wherever_it_stands() {
        let text = r#"{"content":[{"type":"text","text":"Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln"}]}"#;
        assert!(guard().is_in(text));
        assert!(!guard().is_in("eyJhbGciOiJFUzI1NiJ9.e30."));
        assert!(!guard().is_in("a short text"));
    }

    // R3: what ends as a credential does is not it, and does not hide one that follows.
    #[test]
    fn long_credential_is_found_by_all_of_it() {
        let secret = "the start of it, and then an end that is looked for".to_owned();
        let mut guard = CredentialGuard::default();
        guard.add(Arc::new(Secret::new(secret.clone())));
        let end = "an end that is looked for";
        assert!(guard.is_in(&secret));
        assert!(guard.is_in(&format!("{end} {end} {secret}.")));
        assert!(!guard.is_in(&format!("{end} {end}")));
        assert!(!guard.is_in(&secret.replace("start", "Start")));
    }

    // R3
    #[test]
    fn credentials_of_a_while_ago_are_found_and_few_are_kept() {
        let mut guard = guard();
        let named = |number: usize| format!("the credential of {number:03}");
        for number in 0..limits::GUARDED_ASSERTIONS + 36 {
            let credential = Arc::new(Secret::new(named(number)));
            guard.add_recent(Arc::clone(&credential));
            guard.add_recent(credential);
        }
        assert!(guard.is_in(&named(99)) && guard.is_in(&named(36)));
        assert!(!guard.is_in(&named(35)));
        assert!(guard.is_in("eyJhbGciOiJFUzI1NiJ9.e30.c2ln"));
    }

    // R3
    #[test]
    fn start_of_a_credential_at_the_end_of_a_text_is_found() {
        let guard = guard();
        for (text, begun) in [
            ("", 0),
            ("no more than that", 0),
            ("it is eyJhbGci", 8),
            ("it is eyJeyJhbGci", 8),
            ("e", 1),
            ("eyJhbGciOiJFUzI1NiJ9.e30.c2l", 28),
            ("eyJhbGciOiJFUzI1NiJ9.e30.c2ln", 0),
        ] {
            assert_eq!(guard.begun_at_end(text.as_bytes()), begun, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_credential() {
        assert_eq!(format!("{:?}", guard()), "CredentialGuard(1)");
    }
}
