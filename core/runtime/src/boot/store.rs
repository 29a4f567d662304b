//! Opening the store, before anything is served.

#[cfg(feature = "redis")]
use std::path::Path;
use std::{collections::BTreeMap, sync::Arc};

#[cfg(feature = "redis")]
use entra_mcp_core::config::{RedisPassword, RedisServer};
use entra_mcp_core::{
    config::{Config, StoreLocation},
    keys::Keyring,
    time::UnixTime,
};

#[cfg(not(feature = "redis"))]
use crate::command_line::{ConfigError, StoreSettingError};
#[cfg(feature = "redis")]
use crate::{
    client_credential::ClientAssertions,
    egress::certificates,
    shared_store_error::SharedStoreError,
    store::{RedisStore, StoreTokens},
};
use crate::{
    data_dir::DataDir,
    egress::Egress,
    key,
    settings::{FetchFirst, Program},
    start_error::StartError,
    store::{CustomStore, FileStore, GuardedStore, RecordStore},
};

/// How this process reaches others before it serves.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    pub(super) egress: Arc<Egress>,
    #[cfg_attr(
        not(feature = "redis"),
        expect(dead_code, reason = "a file needs no token")
    )]
    fetch: FetchFirst,
}

impl Outlet {
    pub(super) fn of(
        variables: &BTreeMap<String, String>,
        program: &'static Program,
    ) -> Result<Self, StartError> {
        Ok(Self {
            egress: Arc::new(Egress::from_variables(variables)?),
            fetch: program.fetch,
        })
    }
}

/// Opens the store, and takes the keys that fit it.
#[cfg_attr(
    not(feature = "redis"),
    expect(unused_variables, reason = "a file has no network")
)]
pub(super) fn open_store(
    config: &Config,
    outlet: &Outlet,
    custom: Option<Arc<dyn CustomStore>>,
    now: UnixTime,
) -> Result<(RecordStore, Keyring), StartError> {
    if let Some(store) = custom {
        return Ok((
            RecordStore::Custom(GuardedStore::new(store)),
            key::given(&config.keys)?,
        ));
    }
    match &config.store {
        StoreLocation::Folder(folder) => {
            let folder = DataDir::open(folder)?;
            let store = FileStore::open(&folder)?;
            let keys = key::ring(&config.keys, &folder, &store)?;
            Ok((RecordStore::File(Box::new(store)), keys))
        }
        #[cfg(feature = "redis")]
        StoreLocation::Redis(server) => {
            let tokens = tokens(server, config, outlet, now)?;
            let own = config.store_ca.as_deref().map(authorities).transpose()?;
            let roots = own.as_deref().or(outlet.egress.roots());
            let store = RedisStore::open(server, roots, tokens, now)?;
            let keys = key::shared_ring(&config.keys, &store)?;
            Ok((RecordStore::Redis(Box::new(store)), keys))
        }
        #[cfg(not(feature = "redis"))]
        StoreLocation::Redis(_) => {
            let not_built = ConfigError::Store(StoreSettingError::NotBuilt);
            Err(StartError::Config(vec![not_built]))
        }
    }
}

/// The certificates in the file of the settings, as DER.
#[cfg(feature = "redis")]
fn authorities(file: &Path) -> Result<Vec<Vec<u8>>, SharedStoreError> {
    let wrong = |error| SharedStoreError::Authorities {
        file: file.display().to_string(),
        error,
    };
    let pem = std::fs::read(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let authorities = certificates(&pem);
    match authorities.is_empty() {
        true => Err(wrong("holds no certificate, or a malformed one".to_owned())),
        false => Ok(authorities),
    }
}

/// The tokens by which a Redis knows this server, if it is to know it by Entra ID.
#[cfg(feature = "redis")]
fn tokens(
    server: &RedisServer,
    config: &Config,
    outlet: &Outlet,
    now: UnixTime,
) -> Result<Option<StoreTokens>, StartError> {
    let Some(RedisPassword::EntraToken) = server.password else {
        return Ok(None);
    };
    let assertions = ClientAssertions::open(&config.entra.credential, None, now)?;
    let Outlet { egress, fetch } = outlet.clone();
    let fetch = Box::new(move |request| fetch(&egress, request));
    Ok(Some(StoreTokens::new(
        config.entra.clone(),
        assertions,
        fetch,
    )))
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    const CERTIFICATE: &[u8] =
        include_bytes!("../../../../runtime-smol/src/outbound/tests/localhost.cert");

    // Q1
    #[test]
    fn authorities_of_a_store_are_those_of_its_file_or_an_error_that_names_the_setting() {
        let file = std::env::temp_dir().join(format!("entra-mcp-store-ca-{}", std::process::id()));
        let wrong = || authorities(&file).unwrap_err().to_string();
        assert!(wrong().contains("--store-ca"), "{}", wrong());
        std::fs::write(&file, "no certificate").unwrap();
        assert!(wrong().contains("holds no certificate"), "{}", wrong());
        let begin = "-----BEGIN CERTIFICATE-----";
        let text = STANDARD.encode(CERTIFICATE);
        let pem = format!("{begin}\n{text}\n-----END CERTIFICATE-----\n");
        std::fs::write(&file, pem).unwrap();
        assert_eq!(authorities(&file).unwrap(), [CERTIFICATE.to_vec()]);
        std::fs::remove_file(&file).unwrap();
    }
}
