//! The resources that tokens are for, and what they are called: Microsoft Graph, this server as an API, the blueprint of agents, and
//! an API behind a gateway.
//!
//! Source: Microsoft identity platform, "Scopes and permissions"; RFC 8707, as Entra takes its parameter since 2026.

use super::{
    API_URI, BLUEPRINT_ID, BLUEPRINT_URI, CLIENT_ID, DevTenant, ORDERS_ID, ORDERS_URI,
    aadsts_error::AadstsError, client::Client, scope::Scopes,
};

/// The scopes of this server as an API.
const API: [&str; 3] = ["user.read", "mail.read", "access_as_user"];

/// The scope of the blueprint, for tokens that its agents act by on behalf of a user.
const BLUEPRINT: [&str; 1] = ["access_agent"];

/// The scope of the API behind a gateway.
const ORDERS: [&str; 1] = ["Orders.Read"];

/// Whose permissions a scope names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Graph,
    Api,
    Blueprint,
    Orders,
}

/// What resources are called.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResourceNames<'a> {
    /// The tenant's own origin, which is Graph's.
    origin: &'a str,
    /// App ID URIs of the application, besides the first.
    app_id_uris: &'a [String],
}

impl Resource {
    /// Its application id.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Graph => "00000003-0000-0000-c000-000000000000",
            Self::Api => CLIENT_ID,
            Self::Blueprint => BLUEPRINT_ID,
            Self::Orders => ORDERS_ID,
        }
    }

    /// Its scopes, if it is no part of Microsoft's.
    pub(super) const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Graph => &[],
            Self::Api => &API,
            Self::Blueprint => &BLUEPRINT,
            Self::Orders => &ORDERS,
        }
    }
}

impl<'a> ResourceNames<'a> {
    fn all(self) -> impl Iterator<Item = (&'a str, Resource)> {
        let fixed = [
            (self.origin, Resource::Graph),
            ("https://graph.microsoft.com", Resource::Graph),
            (Resource::Graph.id(), Resource::Graph),
            (API_URI, Resource::Api),
            (CLIENT_ID, Resource::Api),
            (BLUEPRINT_URI, Resource::Blueprint),
            (BLUEPRINT_ID, Resource::Blueprint),
            (ORDERS_URI, Resource::Orders),
            (ORDERS_ID, Resource::Orders),
        ];
        let own = self.app_id_uris.iter();
        fixed
            .into_iter()
            .chain(own.map(|uri| (uri.as_str(), Resource::Api)))
    }

    /// The resource of a scope, and its name there.
    pub(super) fn split(self, word: &str) -> Option<(Resource, &str)> {
        self.all().find_map(|(name, resource)| {
            let rest = word.strip_prefix(name)?;
            Some((resource, rest.strip_prefix('/')?))
        })
    }
}

impl DevTenant {
    pub(super) fn resource_names(&self) -> ResourceNames<'_> {
        ResourceNames {
            origin: &self.config.origin,
            app_id_uris: &self.settings.app_id_uris,
        }
    }

    /// Reads the scopes that a client asks for, which may be none that it can have.
    pub(super) fn scopes_for(&self, client: Client, text: &str) -> Result<Scopes, AadstsError> {
        let scopes = Scopes::parse(text, self.resource_names())?;
        let client_id = client.id();
        match (client, scopes.resource()) {
            (Client::Application, Some(Resource::Api))
                if !text.split(' ').any(|word| word.starts_with(client_id)) =>
            {
                let text = format!(
                    "Application '{client_id}' is requesting a token for itself. This scenario is supported only if \
                     resource is specified using the GUID based App Identifier."
                );
                Err(AadstsError::new("invalid_request", 90_009, text))
            }
            (Client::Application, Some(Resource::Blueprint))
            | (Client::CommandLine, Some(Resource::Graph | Resource::Orders))
            | (Client::Agent, Some(Resource::Blueprint | Resource::Orders)) => {
                let text = format!(
                    "Invalid resource. The client has requested access to a resource which is not listed in the requested \
                     permissions in the client's application registration. Client app ID: {client_id}."
                );
                Err(AadstsError::new("invalid_resource", 650_057, text))
            }
            _ => Ok(scopes),
        }
    }

    /// Whether a resource indicator (RFC 8707) is the App ID URI of what these scopes are of, exactly.
    pub(super) fn is_resource_of(&self, resource: &str, scopes: Option<&Scopes>) -> bool {
        let own = &self.settings.app_id_uris;
        let is_uri = resource == API_URI || own.iter().any(|uri| uri == resource);
        is_uri && scopes.is_some_and(|scopes| scopes.resource() == Some(Resource::Api))
    }
}
