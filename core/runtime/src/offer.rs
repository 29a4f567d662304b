//! What a server offers, as of now: the catalog and the functions behind it, replaced as one when something is added or removed.
//! An exchange has from its beginning to its end what was offered when it began.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use entra_mcp_core::catalog::{Catalog, CatalogErrors};

use crate::handlers::Handlers;

/// What is offered, and the functions that perform it.
#[derive(Clone)]
pub struct Offer<H> {
    /// What is offered.
    pub catalog: Catalog,
    /// The functions.
    pub handlers: Handlers<H>,
}

/// What is offered, as of now. As long as nothing was added or removed, looking takes no lock.
pub struct SharedOffer<H> {
    first: Arc<Offer<H>>,
    has_changed: AtomicBool,
    latest: RwLock<Arc<Offer<H>>>,
    /// One change at a time.
    changing: Mutex<()>,
}

impl<H> SharedOffer<H> {
    /// What a server offers when it starts.
    #[must_use]
    pub fn new(catalog: Catalog, handlers: Handlers<H>) -> Self {
        let first = Arc::new(Offer { catalog, handlers });
        Self {
            latest: RwLock::new(Arc::clone(&first)),
            first,
            has_changed: AtomicBool::new(false),
            changing: Mutex::new(()),
        }
    }

    /// Returns what is offered now.
    #[must_use]
    pub fn current(&self) -> Arc<Offer<H>> {
        match self.has_changed.load(Ordering::Acquire) {
            false => Arc::clone(&self.first),
            true => Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Offers something else from now on, if that is well formed and differs.
    ///
    /// # Errors
    ///
    /// What is wrong with it: nothing has changed then.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&Offer<H>) -> Result<Option<Offer<H>>, CatalogErrors>,
    ) -> Result<bool, CatalogErrors> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(offer) = change(&self.current())? else {
            return Ok(false);
        };
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(offer);
        self.has_changed.store(true, Ordering::Release);
        Ok(true)
    }
}

impl<H> std::fmt::Debug for SharedOffer<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.current().handlers.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::{ask::Target, catalog::Tool};

    use super::*;
    use crate::handlers::ServerBuilder;

    fn adding(tool: &str, handler: &'static str) -> ServerBuilder<String> {
        ServerBuilder::new().tool::<()>(Tool::new(tool, "A tool"), handler.to_owned())
    }

    #[test]
    fn change_is_seen_by_who_looks_afterwards_and_wrong_ones_change_nothing() {
        let around = |inner| format!("around({inner})");
        let builder = adding("a", "first").around(Box::new(around));
        let (catalog, handlers) = builder.build().unwrap();
        let offer = SharedOffer::new(catalog, handlers);
        let before = offer.current();
        let find = |offer: &Offer<String>, name: &str| {
            offer.handlers.find(&Target::Tool(name.to_owned())).cloned()
        };
        let added = offer.change(|offer| adding("b", "second").added_to(offer).map(Some));
        assert_eq!(added, Ok(true));
        assert_eq!(find(&before, "b"), None);
        assert_eq!(find(&offer.current(), "b").unwrap(), "around(second)");
        // A name that is taken is an error, and the function behind it is not replaced.
        let error = offer.change(|offer| adding("a", "third").added_to(offer).map(Some));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("Two tools are called `a`")
        );
        assert_eq!(find(&offer.current(), "a").unwrap(), "around(first)");
        let removed = offer.change(|offer| Ok(offer.without(&Target::Tool("a".to_owned()))));
        assert_eq!(removed, Ok(true));
        assert_eq!(find(&offer.current(), "a"), None);
        let again = offer.change(|offer| Ok(offer.without(&Target::Tool("a".to_owned()))));
        assert_eq!(again, Ok(false));
        assert!(
            offer
                .change(|offer| adding("a", "new").added_to(offer).map(Some))
                .is_ok()
        );
    }
}
