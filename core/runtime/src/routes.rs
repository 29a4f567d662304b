//! What a program serves beside the server, on the same address.

use std::sync::Arc;

use bytes::Bytes;
use entra_mcp_core::{
    admit::{OwnPath, admit_own},
    env::Server,
    error_responses,
    log_event::{Field, LogEvent, LogEventId},
    request_id::RequestId,
};
use entra_mcp_http1::RequestHead;
use http::Response;

use crate::{RequestOrigin, StartError, caught};

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

    /// What serves a request, if its path is one of these.
    ///
    /// # Errors
    ///
    /// It is, and is refused: the whole response.
    pub fn admit(
        &self,
        head: &mut RequestHead,
        server: &Server,
        origin: &RequestOrigin,
    ) -> Result<Option<AdmittedRoute<H>>, Box<Response<Bytes>>> {
        let path = head.uri.path();
        let found = self.0.iter().find(|(own, _)| own.contains(path, server));
        let Some((path, handler)) = found else {
            return Ok(None);
        };
        let body_limit = admit_own(head, server, &origin.request_id)?;
        Ok(Some(AdmittedRoute {
            handler: handler.clone(),
            body_limit,
            answered: OwnAnswer {
                path: path.as_str().to_owned(),
                request_id: origin.request_id.clone(),
            },
        }))
    }
}

/// A request to a path of the program's own.
#[derive(Debug)]
pub struct AdmittedRoute<H> {
    /// What serves it.
    pub handler: H,
    /// The most bytes of its body.
    pub body_limit: usize,
    /// What its peer is answered.
    pub answered: OwnAnswer,
}

/// What the peer of such a request is answered.
#[derive(Debug)]
pub struct OwnAnswer {
    path: String,
    request_id: RequestId,
}

impl OwnAnswer {
    /// What the function returned; or, if it panicked, 500, and the log is told what it said.
    #[must_use]
    pub fn of(&self, returned: std::thread::Result<Response<Bytes>>) -> Response<Bytes> {
        returned.unwrap_or_else(|panic| {
            let failed = LogEvent::new(LogEventId::RouteFailed).with(Field::Path, &self.path);
            let failed = failed.with_text(Field::Error, caught::said(&*panic));
            crate::log(&failed.with(Field::RequestId, self.request_id.to_string()));
            error_responses::internal_error()
        })
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
