//! The mark by which replicas see that they have the same master key.

use entra_mcp_core::keys::{Keyring, Purpose};

use super::{super::MARK, PoolFault, RedisStore};

/// The key of the mark.
const KEY: &str = "key-check";

/// Whether the mark is of one of these keys, or there is none.
pub(super) fn fits(store: &RedisStore, keys: &Keyring) -> Result<bool, PoolFault> {
    let mark: Option<Vec<u8>> = store.run(redis::cmd("GET").arg(name(store)))?;
    Ok(mark.is_none_or(|mark| keys.verify(Purpose::StoreCheck, MARK, &mark)))
}

/// Leaves the mark of the first of these keys where there is none: whether the one that is there is of any of them.
pub(super) fn keep(store: &RedisStore, keys: &Keyring) -> Result<bool, PoolFault> {
    let newest = keys.mac(Purpose::StoreCheck, MARK);
    // Of two that start at once, one is first.
    let _: bool = store.run(redis::cmd("SETNX").arg(name(store)).arg(&newest[..]))?;
    fits(store, keys)
}

/// Leaves the mark of the first of these keys in place of one of the others.
pub(super) fn renew(store: &RedisStore, keys: &Keyring) -> Result<(), PoolFault> {
    let newest = keys.mac(Purpose::StoreCheck, MARK);
    store.run(redis::cmd("SET").arg(name(store)).arg(&newest[..]))
}

fn name(store: &RedisStore) -> String {
    format!("{}{KEY}", store.prefix)
}
