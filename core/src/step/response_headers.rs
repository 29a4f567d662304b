//! Headers that the answer gets, whatever it is.

use ::http::{HeaderName, HeaderValue};

use crate::few::Few;

/// One of each name. They are few, so a list is quicker than a map.
#[derive(Debug, Default)]
pub(crate) struct ResponseHeaders(Few<(HeaderName, HeaderValue)>);

impl ResponseHeaders {
    /// Adds a header, in place of one of this name.
    pub(crate) fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.0.push((name, value));
    }

    /// Takes a header back.
    pub(crate) fn remove(&mut self, name: &HeaderName) {
        self.0.retain(|(one, _)| one != name);
    }
}

impl IntoIterator for ResponseHeaders {
    type Item = (HeaderName, HeaderValue);
    type IntoIter = <Few<Self::Item> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
