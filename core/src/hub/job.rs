//! Errands: what the server does without being asked.

/// What an errand is for.
#[derive(Debug)]
pub struct Errand(pub(crate) ErrandKind);

/// The kinds of errand.
#[derive(Debug)]
pub(crate) enum ErrandKind {
    /// Fetch Entra's metadata and signing keys and hand them to the hub.
    LearnEntra,
}
