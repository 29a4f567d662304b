//! What a program serves beside the server, on the same address.

use std::sync::Arc;

use bytes::Bytes;
use entra_mcp_core::{
    admit::{OwnPath, admit_own},
    env::Server,
};
use http::{Response, request::Parts};

use crate::{RequestOrigin, StartError};

/// The paths that are the program's own, and what serves each.
#[derive(Clone)]
pub struct Routes<H>(Arc<Vec<(OwnPath, H)>>);

impl<H> Default for Routes<H> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<H> std::fmt::Debug for Routes<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|(path, _)| path))
            .finish()
    }
}

impl<H: Clone> Routes<H> {
    /// These paths.
    ///
    /// # Errors
    ///
    /// One of them is the server's own, or given twice.
    pub(crate) fn new(given: Vec<(String, H)>) -> Result<Self, StartError> {
        let mut routes: Vec<(OwnPath, H)> = Vec::new();
        for (path, handler) in given {
            let parsed = OwnPath::parse(&path);
            let parsed = parsed.filter(|one| !routes.iter().any(|(other, _)| other.overlaps(one)));
            match parsed {
                Some(parsed) => routes.push((parsed, handler)),
                None => return Err(StartError::RouteTaken { path }),
            }
        }
        Ok(Self(Arc::new(routes)))
    }

    /// What serves a request, if its path is one of these, and the most bytes of its body.
    ///
    /// # Errors
    ///
    /// It is, and is refused: the whole response.
    pub fn admit(
        &self,
        head: &mut Parts,
        server: &Server,
        origin: &RequestOrigin,
    ) -> Result<Option<(H, usize)>, Box<Response<Bytes>>> {
        let path = head.uri.path();
        let found = self.0.iter().find(|(own, _)| own.contains(path, server));
        let Some((_, handler)) = found else {
            return Ok(None);
        };
        let limit = admit_own(head, server, &origin.request_id)?;
        Ok(Some((handler.clone(), limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_that_is_taken_is_an_error_of_the_start() {
        let routes = |paths: &[&str]| {
            let paths = paths.iter().map(|path| ((*path).to_owned(), ()));
            Routes::new(paths.collect())
        };
        assert!(routes(&["/hooks", "/files/a"]).is_ok());
        for taken in [
            &["/mcp"][..],
            &["/auth"],
            &["/hooks", "/hooks/a"],
            &["/a", "/a/"],
        ] {
            let error = routes(taken).unwrap_err().to_string();
            assert!(error.contains(taken.last().unwrap()), "{error}");
        }
    }
}
