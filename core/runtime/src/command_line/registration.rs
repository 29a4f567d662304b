//! Which clients come in by themselves.

use entra_mcp_core::config::{ClientPlaces, Registration};

use super::{
    error::{AdmissionError, ConfigError},
    given::{ALLOW_CLIENT, Given, REGISTRATION},
    is_gap,
};

/// Reads both settings. On loopback any client comes in, as long as nobody says otherwise.
pub(super) fn read(given: &Given, is_local: bool, errors: &mut Vec<ConfigError>) -> Registration {
    let values = given.values(&ALLOW_CLIENT);
    let texts = values.iter().flat_map(|text| text.split(is_gap));
    let mut places = ClientPlaces::default();
    let mut is_changed = false;
    for text in texts.filter(|text| !text.is_empty()) {
        is_changed = true;
        match places.clone().with(text) {
            Some(with) => places = with,
            None => errors.push(ConfigError::Admission(AdmissionError::InvalidPlace)),
        }
    }
    let chosen = match given.value(&REGISTRATION) {
        None if is_local && !is_changed => Registration::Open,
        None | Some("listed") => Registration::Listed(places),
        Some("open") => Registration::Open,
        Some("closed") => Registration::Closed,
        Some(_) => {
            errors.push(ConfigError::Admission(AdmissionError::UnknownRegistration));
            return Registration::Closed;
        }
    };
    if is_changed && !matches!(chosen, Registration::Listed(_)) {
        errors.push(ConfigError::Admission(AdmissionError::PlacesWithoutList));
    }
    chosen
}
