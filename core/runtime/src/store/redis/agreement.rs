//! The settings that replicas must agree on besides their keys: a token of one that calls itself otherwise, or signs users in
//! elsewhere, is refused by the others, one request in a few.
//!
//! A replica that runs keeps them in the store, in words, and one that starts compares. Once none runs any more they are
//! forgotten, so that all of them can be given others.

use entra_mcp_core::config::Config;

use super::{PoolFault, RedisStore};

/// The key of what they agree on.
pub(super) const KEY: &str = "settings-check";

/// How long it is kept after a replica has said it: several times as long as until it says so again.
pub(super) const LIFETIME_SECONDS: u64 = 20;

/// The most characters of others' settings that are shown.
const SHOWN_CHARS: usize = 1000;

/// What others must have set as well.
pub(super) fn of(config: &Config) -> String {
    let entra = &config.entra;
    format!(
        "--public-url {}, AZURE_TENANT_ID {}, AZURE_CLIENT_ID {}, AZURE_AUTHORITY_HOST {}",
        config.public_url.issuer(),
        entra.tenant,
        entra.client_id,
        entra.authority_host
    )
}

/// Says what this replica has set, unless others have said something else: that.
pub(super) fn keep(store: &RedisStore, ours: &str) -> Result<Option<String>, PoolFault> {
    let name = format!("{}{KEY}", store.prefix);
    let mut set = redis::cmd("SET");
    set.arg(&name).arg(ours).arg("EX").arg(LIFETIME_SECONDS);
    // Of two that start at once, one is first.
    let _: Option<String> = store.run(set.clone().arg("NX"))?;
    let said: Option<Vec<u8>> = store.run(redis::cmd("GET").arg(&name))?;
    match said {
        Some(theirs) if theirs != ours.as_bytes() => {
            let theirs = String::from_utf8_lossy(&theirs);
            let shown = theirs.chars().filter(|one| !one.is_control());
            Ok(Some(shown.take(SHOWN_CHARS).collect()))
        }
        _ => {
            let () = store.run(&set)?;
            Ok(None)
        }
    }
}
