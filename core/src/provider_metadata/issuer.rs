//! Who issues tokens of one version, and for which tenant (Microsoft identity platform, "Access tokens", multitenant
//! issuers).

use super::{SigningKey, is_guid};

/// Who issues tokens of one version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Issuer<'a> {
    name: &'a str,
    /// The keys that its tokens are signed with.
    pub(crate) keys: &'a [SigningKey],
}

impl<'a> Issuer<'a> {
    /// The issuer of this name, with these keys.
    pub(crate) fn new(name: &'a str, keys: &'a [SigningKey]) -> Self {
        Self { name, keys }
    }

    /// Its name for this tenant: it has the tenant as a part of its path, or the template of one.
    pub(crate) fn of_tenant(&self, tenant: &str) -> String {
        let parts = self.name.split('/').map(|part| match names_tenant(part) {
            true => tenant,
            false => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Whether it is the issuer for this tenant, or for whichever.
    pub(crate) fn is_of_tenant(&self, tenant: &str) -> bool {
        let mut parts = self.name.split('/');
        parts.any(|part| part == TEMPLATE || part.eq_ignore_ascii_case(tenant))
    }
}

/// What stands for a tenant in the issuer of an authority that is of none.
pub(super) const TEMPLATE: &str = "{tenantid}";

fn names_tenant(part: &str) -> bool {
    part == TEMPLATE || is_guid(part)
}
