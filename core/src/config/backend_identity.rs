//! How a backend is told who calls.

use crate::limits;

/// How a backend is told who calls: each way for itself, and several at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendIdentity {
    /// Where the signed assertion goes, if there is one.
    pub assertion: Option<AssertionPlace>,
    /// The scopes of the backend's own application for which the user's access token of Entra's goes with each request, as a bearer
    /// token; with spaces between them.
    pub entra: Option<String>,
    /// Whether headers say it as those of Azure App Service do ("Easy Auth").
    pub easy_auth: bool,
    /// Whether headers say it as those of oauth2-proxy do (`X-Forwarded-User`).
    pub forwarded: bool,
}

/// Where the assertion stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionPlace {
    /// In the header `Entra-MCP-Assertion`.
    Own,
    /// In the header `Authorization`, as a bearer token.
    Bearer,
}

/// What is wrong with the words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendIdentityError {
    /// There is no such way.
    Unknown,
    /// `none` stands beside another, or one is named twice.
    Contradicts,
    /// Both the assertion and Entra's token would be the bearer token.
    TwoBearers,
    /// They are no scopes of one application other than Microsoft Graph.
    Scopes,
}

impl BackendIdentity {
    /// A signed assertion in a header of its own.
    pub const ASSERTION: Self = Self {
        assertion: Some(AssertionPlace::Own),
        entra: None,
        easy_auth: false,
        forwarded: false,
    };
    /// A signed assertion as a bearer token.
    pub const BEARER: Self = Self {
        assertion: Some(AssertionPlace::Bearer),
        entra: None,
        easy_auth: false,
        forwarded: false,
    };
    /// Nothing.
    pub const NONE: Self = Self {
        assertion: None,
        entra: None,
        easy_auth: false,
        forwarded: false,
    };

    /// Reads one or more of `assertion`, `bearer`, `entra:SCOPES`, `easy-auth` and `forwarded` with commas between them, or `none`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    ///
    /// ```
    /// use entra_mcp_core::config::{AssertionPlace, BackendIdentity};
    /// let identity = BackendIdentity::parse("assertion,entra:api://orders/Orders.Read").unwrap();
    /// assert_eq!(identity.assertion, Some(AssertionPlace::Own));
    /// assert_eq!(identity.entra.as_deref(), Some("api://orders/Orders.Read"));
    /// assert!(BackendIdentity::parse("bearer,entra:api://orders/Orders.Read").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, BackendIdentityError> {
        if text.trim() == "none" {
            return Ok(Self::NONE);
        }
        let mut identity = Self::NONE;
        for word in text.split(',').map(str::trim) {
            let is_repeated = match word {
                "assertion" => identity.assertion.replace(AssertionPlace::Own).is_some(),
                "bearer" => identity.assertion.replace(AssertionPlace::Bearer).is_some(),
                "easy-auth" => std::mem::replace(&mut identity.easy_auth, true),
                "forwarded" => std::mem::replace(&mut identity.forwarded, true),
                "none" => true,
                _ => {
                    let scopes = word.strip_prefix("entra:");
                    let scopes = scopes.ok_or(BackendIdentityError::Unknown)?;
                    let scopes = checked(scopes).ok_or(BackendIdentityError::Scopes)?;
                    identity.entra.replace(scopes).is_some()
                }
            };
            if is_repeated {
                return Err(BackendIdentityError::Contradicts);
            }
        }
        let is_bearer = identity.assertion == Some(AssertionPlace::Bearer);
        match is_bearer && identity.entra.is_some() {
            true => Err(BackendIdentityError::TwoBearers),
            false => Ok(identity),
        }
    }

    /// Whether the backend is told at all.
    #[must_use]
    pub fn tells(&self) -> bool {
        *self != Self::NONE
    }

    /// Whether it is told by what whoever reaches its port can write, too.
    #[must_use]
    pub fn can_be_forged(&self) -> bool {
        self.easy_auth || self.forwarded
    }

    /// Whether there is something in the header `Authorization`.
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        self.entra.is_some() || self.assertion == Some(AssertionPlace::Bearer)
    }
}

/// Scopes of one resource, each with its resource before it.
fn checked(text: &str) -> Option<String> {
    let scopes: Vec<&str> = text.split(' ').filter(|scope| !scope.is_empty()).collect();
    let resource = |scope: &str| {
        let (resource, name) = scope.rsplit_once('/')?;
        let is_one = !name.is_empty() && !resource.is_empty() && !resource.ends_with('/');
        is_one.then(|| resource.to_owned())
    };
    let first = resource(scopes.first()?)?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    // A token for Graph is not made for a backend, and would give it all that the user may do there.
    let is_of_graph = first.to_ascii_lowercase().contains("graph.microsoft")
        || first.starts_with("00000003-0000-0000-c000-000000000000");
    let are_good = scopes
        .iter()
        .all(|scope| scope.bytes().all(is_plain) && resource(scope).as_ref() == Some(&first));
    (are_good && !is_of_graph && text.len() <= limits::BACKEND_SCOPES_BYTES)
        .then(|| scopes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_read_one_by_one_and_together() {
        assert_eq!(
            BackendIdentity::parse("assertion"),
            Ok(BackendIdentity::ASSERTION)
        );
        assert_eq!(
            BackendIdentity::parse("bearer"),
            Ok(BackendIdentity::BEARER)
        );
        assert_eq!(BackendIdentity::parse("none"), Ok(BackendIdentity::NONE));
        let all = "assertion, entra:api://orders/Read  api://orders/Write,easy-auth,forwarded";
        let all = BackendIdentity::parse(all).unwrap();
        assert_eq!(
            all.entra.as_deref(),
            Some("api://orders/Read api://orders/Write")
        );
        assert!(all.easy_auth && all.forwarded && all.can_be_forged() && all.is_bearer());
    }

    // R2: no token of one resource is sent to a backend that is another.
    #[test]
    fn what_contradicts_itself_or_is_of_no_one_application_is_refused() {
        for (text, error) in [
            ("", BackendIdentityError::Unknown),
            ("header", BackendIdentityError::Unknown),
            ("assertion,", BackendIdentityError::Unknown),
            ("assertion,bearer", BackendIdentityError::Contradicts),
            ("forwarded,forwarded", BackendIdentityError::Contradicts),
            ("none,forwarded", BackendIdentityError::Contradicts),
            ("bearer,entra:api://a/b", BackendIdentityError::TwoBearers),
            ("entra:", BackendIdentityError::Scopes),
            ("entra:User.Read", BackendIdentityError::Scopes),
            ("entra:api://a/b api://c/b", BackendIdentityError::Scopes),
            ("entra:api://a/b\"", BackendIdentityError::Scopes),
            (
                "entra:https://graph.microsoft.com/Mail.Read",
                BackendIdentityError::Scopes,
            ),
        ] {
            assert_eq!(BackendIdentity::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn scopes_are_as_long_as_they_may_be_and_no_longer() {
        let scopes = |bytes: usize| format!("api://a/{}", "b".repeat(bytes - "api://a/".len()));
        let parse = |bytes| BackendIdentity::parse(&format!("entra:{}", scopes(bytes)));
        assert!(parse(limits::BACKEND_SCOPES_BYTES).is_ok());
        let error = parse(limits::BACKEND_SCOPES_BYTES + 1);
        assert_eq!(error, Err(BackendIdentityError::Scopes));
    }
}
