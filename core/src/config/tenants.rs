//! Whose users may come in: those of one tenant, of several, or of any organization (Microsoft identity platform, "Convert
//! single-tenant app to multitenant").

use std::collections::BTreeSet;

use super::{Config, EntraApp};
use crate::provider_metadata::is_guid;

/// The authority of every organization: work and school accounts, no personal ones.
pub const ORGANIZATIONS: &str = "organizations";

/// The tenant of personal accounts.
const PERSONAL_ACCOUNTS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Whose users may come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tenants {
    /// Those of the one tenant that the application is in.
    #[default]
    One,
    /// Those of these: their ids in small letters. The authority is [`ORGANIZATIONS`].
    Listed(BTreeSet<String>),
    /// Those of any organization. The authority is [`ORGANIZATIONS`].
    AnyOrganization,
}

impl Config {
    /// Where administrators of other organizations let the application in, if there may be others.
    pub(crate) fn admin_consent_address(&self) -> Option<String> {
        let is_needed = self.entra.has_several_tenants();
        is_needed.then(|| self.public_url.join("/admin-consent"))
    }
}

impl EntraApp {
    /// Whether there may be users of several tenants.
    pub(crate) fn has_several_tenants(&self) -> bool {
        self.tenants != Tenants::One
    }

    /// Whether users of the tenant of this id, `tid`, may come in. The name of a domain is no id: then the metadata of that
    /// domain says which it is.
    pub(crate) fn takes_tenant(&self, id: &str) -> bool {
        let id = id.to_ascii_lowercase();
        match &self.tenants {
            Tenants::One => !is_guid(&self.tenant) || self.tenant.eq_ignore_ascii_case(&id),
            Tenants::Listed(ids) => ids.contains(&id),
            Tenants::AnyOrganization => is_guid(&id) && id != PERSONAL_ACCOUNTS,
        }
    }

    /// The tenant to which what is of no user is sent; `None` if there is no such.
    pub(crate) fn tenant_of_application(&self) -> Option<&str> {
        match &self.tenants {
            Tenants::One => Some(&self.tenant),
            Tenants::Listed(ids) => ids.first().map(String::as_str),
            Tenants::AnyOrganization => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestServer;

    const ONE: &str = "11111111-1111-1111-1111-111111111111";
    const OTHER: &str = "aaaaaaaa-2222-2222-2222-222222222222";

    fn app(tenant: &str, tenants: Tenants) -> EntraApp {
        let mut entra = TestServer::dev().server.config.entra;
        (entra.tenant, entra.tenants) = (tenant.to_owned(), tenants);
        entra
    }

    // D8, D24
    #[test]
    fn tenant_is_taken_by_its_id_only() {
        let one = app(ONE, Tenants::One);
        assert!(one.takes_tenant(ONE) && !one.takes_tenant(OTHER));
        let listed = Tenants::Listed(BTreeSet::from([OTHER.to_owned()]));
        let listed = app(ORGANIZATIONS, listed);
        assert!(listed.takes_tenant(&OTHER.to_uppercase()));
        assert!(!listed.takes_tenant(ONE) && !listed.takes_tenant("contoso.example"));
        let any = app(ORGANIZATIONS, Tenants::AnyOrganization);
        assert!(any.takes_tenant(ONE) && any.takes_tenant(OTHER));
        for no in [PERSONAL_ACCOUNTS, "", "contoso.example", "{tenantid}"] {
            assert!(!any.takes_tenant(no), "{no}");
        }
    }
}
