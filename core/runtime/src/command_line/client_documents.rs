//! Which documents of clients are used, whose `client_id` is a URL.

use entra_mcp_core::config::{ClientDocuments, DocumentSource};

use super::{
    error::ConfigError,
    given::{CLIENT_DOCUMENTS, Given, PINNED_CLIENT},
};

/// Reads both settings. With documents from this computer whoever reaches the server could have it connect to what
/// listens here, so that goes with the development tenant only, which serves this computer alone.
pub(super) fn read(given: &Given, is_dev: bool, errors: &mut Vec<ConfigError>) -> ClientDocuments {
    let source = match given.value(&CLIENT_DOCUMENTS) {
        None | Some("public") => DocumentSource::PublicInternet,
        Some("off") => DocumentSource::Nowhere,
        Some("pinned") => DocumentSource::Pinned,
        Some("loopback") if is_dev => DocumentSource::ThisComputer,
        Some("loopback") => {
            errors.push(ConfigError::LoopbackClientDocuments);
            DocumentSource::PublicInternet
        }
        Some(_) => {
            errors.push(ConfigError::UnknownClientDocuments);
            DocumentSource::PublicInternet
        }
    };
    let mut documents = ClientDocuments {
        source,
        ..ClientDocuments::default()
    };
    let values = given.values(&PINNED_CLIENT);
    let texts = values.iter().flat_map(|text| text.split(';'));
    for text in texts.filter(|text| !text.trim().is_empty()) {
        match documents.clone().with(text) {
            Some(with) => documents = with,
            None => errors.push(ConfigError::InvalidPinnedClient),
        }
    }
    documents
}
