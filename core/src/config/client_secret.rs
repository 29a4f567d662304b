//! The secret that this server proves its identity to Entra with.

use crate::{secret::Secret, time::UnixTime};

/// A client secret of the application.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    /// Its value.
    pub value: Secret<String>,
    /// When it ends, if the operator has said so: nothing that Entra answers says it before.
    pub expires: Option<UnixTime>,
}

impl From<String> for ClientSecret {
    fn from(value: String) -> Self {
        Self {
            value: Secret::new(value),
            expires: None,
        }
    }
}
