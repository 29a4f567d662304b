//! What a server's functions share: values of the program's own, by their type.

use std::{
    any::{Any, TypeId, type_name},
    collections::BTreeMap,
    sync::Arc,
};

use entra_mcp_core::catalog::CallError;

/// The values that were given to a server. Clones are the same values.
#[derive(Clone, Default)]
pub struct SharedState(Arc<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl SharedState {
    /// Adds a value, in place of another one of its type.
    pub(crate) fn insert<S: Send + Sync + 'static>(&mut self, value: S) {
        // Clones are made when the server runs; nobody has one yet.
        Arc::make_mut(&mut self.0).insert(TypeId::of::<S>(), Arc::new(value));
    }

    /// Returns the value of this type.
    ///
    /// # Errors
    ///
    /// There is none, which is a fault of the program's.
    pub fn get<S: Send + Sync + 'static>(&self) -> Result<&S, CallError> {
        let found = self.0.get(&TypeId::of::<S>());
        found.and_then(|value| value.downcast_ref()).ok_or_else(|| {
            CallError::Internal(format!(
                "The server has no state of the type {}: give it with `Server::state`.",
                type_name::<S>()
            ))
        })
    }
}

impl std::fmt::Debug for SharedState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedState({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Count(u32);

    #[test]
    fn value_is_found_by_its_type_and_a_missing_one_is_told() {
        let mut state = SharedState::default();
        state.insert(Count(1));
        state.insert("text".to_owned());
        let clone = state.clone();
        assert_eq!(clone.get::<Count>(), Ok(&Count(1)));
        assert_eq!(clone.get::<String>().map(String::as_str), Ok("text"));
        let Err(CallError::Internal(missing)) = clone.get::<u8>() else {
            panic!("there is none");
        };
        assert!(
            missing.contains("u8") && missing.contains("Server::state"),
            "{missing}"
        );
    }
}
