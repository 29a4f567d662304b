//! The organizations: the home of the application, and others whose users may come in once the application is for several
//! (`/control`, `sign_in_audience`) and an administrator has let it in.
//!
//! Source: Microsoft identity platform, "Convert single-tenant app to multitenant", "Admin consent on the Microsoft identity
//! platform"; Microsoft Graph, "application", `signInAudience`.

use serde::Deserialize;

use super::{
    CLIENT_ID, DevTenant, TENANT_DOMAIN, TENANT_ID, aadsts_error::AadstsError, metadata::Tenant,
    users::TestUser,
};

/// An organization with a directory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The id of its tenant.
    pub id: &'static str,
    /// Its verified domain.
    pub domain: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// The tenant of another organization, which has let the application in.
pub const FABRIKAM_ID: &str = "fab41ca0-2b6e-4d13-9c58-d3e7e4a70008";

/// The tenant of a third one, which has not.
pub const NORTHWIND_ID: &str = "04714014-8f3d-4a65-b7e2-d3e7e4a70009";

/// All of them, the home of the application first.
pub const ORGANIZATIONS: [Organization; 3] = [
    Organization {
        id: TENANT_ID,
        domain: TENANT_DOMAIN,
        name: "Contoso",
    },
    Organization {
        id: FABRIKAM_ID,
        domain: "fabrikam.example",
        name: "Fabrikam",
    },
    Organization {
        id: NORTHWIND_ID,
        domain: "northwind.example",
        name: "Northwind",
    },
];

/// Whose users an application is for: `signInAudience` of its registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SignInAudience {
    /// Those of the organization that it is registered in.
    #[default]
    #[serde(rename = "AzureADMyOrg")]
    MyOrg,
    /// Those of any organization.
    #[serde(rename = "AzureADMultipleOrgs")]
    MultipleOrgs,
}

impl Organization {
    /// The one of this id or domain.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        let is = |own: &str| own.eq_ignore_ascii_case(name);
        ORGANIZATIONS
            .iter()
            .find(|organization| is(organization.id) || is(organization.domain))
    }

    /// The one whose directory a user is in.
    pub(super) fn of(user: &TestUser) -> &'static Self {
        Self::find(user.tenant).unwrap_or(const { &ORGANIZATIONS[0] })
    }
}

impl DevTenant {
    /// Whether the application is in a tenant, where it has a service principal then.
    pub(super) fn is_installed(&self, tenant: &str) -> bool {
        [TENANT_ID, FABRIKAM_ID].contains(&tenant) || self.settings.installed.contains(tenant)
    }

    /// Whether the application is for users of several organizations.
    pub(super) fn is_for_several(&self) -> bool {
        self.settings.sign_in_audience == SignInAudience::MultipleOrgs
    }

    /// Whether the application may be used at an authority.
    pub(super) fn check_authority(&self, authority: Tenant) -> Result<(), AadstsError> {
        if authority == Tenant::HOME {
            return Ok(());
        }
        match (self.settings.sign_in_audience, authority) {
            (SignInAudience::MultipleOrgs, Tenant::Common | Tenant::Organizations) => Ok(()),
            (SignInAudience::MultipleOrgs, Tenant::One(organization)) => {
                match self.is_installed(organization.id) {
                    true => Ok(()),
                    false => Err(AadstsError::not_in(organization.domain, CLIENT_ID)),
                }
            }
            (SignInAudience::MyOrg, Tenant::One(organization)) => {
                Err(AadstsError::not_in(organization.domain, CLIENT_ID))
            }
            _ => Err(AadstsError::single_tenant()),
        }
    }

    /// An administrator lets the application in for everybody.
    pub(super) fn install(&mut self, tenant: &'static str) {
        self.settings.installed.insert(tenant);
        self.directory.consent_for_all_of(tenant);
    }
}
