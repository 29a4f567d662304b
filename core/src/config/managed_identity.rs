//! The managed identity of the machine that this server runs on, whose tokens a federated credential of the application
//! names (Microsoft, "Configure an application to trust a managed identity").

use std::net::IpAddr;

use url::{Host, Url};

use super::is_loopback;
use crate::{provider_metadata::is_guid, secret::Secret};

/// A user-assigned managed identity, and where the machine gives out its tokens.
#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    /// The identity's own client id, which is not the application's.
    client_id: String,
    /// Where its tokens come from.
    pub(crate) host: IdentityHost,
}

/// Where a machine in Azure gives out the tokens of its managed identity.
#[derive(Clone, Debug)]
pub enum IdentityHost {
    /// The instance metadata service of a virtual machine or of a node of a cluster.
    InstanceMetadata {
        /// Its address: that of [`IdentityEndpoint::instance_metadata`], unless something stands in for it.
        endpoint: IdentityEndpoint,
    },
    /// The endpoint of App Service, Functions or Container Apps.
    AppService {
        /// Its address, `IDENTITY_ENDPOINT`.
        endpoint: IdentityEndpoint,
        /// What proves that the caller runs inside, `IDENTITY_HEADER`.
        header: Secret<String>,
    },
    /// The agent of a machine that Azure Arc manages.
    Arc {
        /// Its address, `IDENTITY_ENDPOINT`.
        endpoint: IdentityEndpoint,
    },
}

/// An address on this machine or on its own link, over plain http: no proxy and no router is between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityEndpoint(Url);

impl ManagedIdentity {
    /// Takes the identity's client id; `None` if it is no GUID.
    #[must_use]
    pub fn new(client_id: &str, host: IdentityHost) -> Option<Self> {
        is_guid(client_id).then(|| Self {
            client_id: client_id.to_ascii_lowercase(),
            host,
        })
    }

    /// The identity's own client id, in small letters.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }
}

impl IdentityEndpoint {
    /// Takes an address: http, `localhost` or an address of loopback or of the link; without user, query and fragment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let host = url.host()?;
        let address: Option<IpAddr> = match host {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        };
        let is_near = is_loopback(&host) || address.is_some_and(is_link_local);
        let is_bare = url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        (url.scheme() == "http" && is_near && is_bare && nobody).then_some(Self(url))
    }

    /// The address of the instance metadata service (Microsoft, "Azure Instance Metadata Service").
    #[must_use]
    pub fn instance_metadata() -> Option<Self> {
        Self::parse("http://169.254.169.254")
    }

    /// The address.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Q1: tokens of the identity come in the clear, so they come from no further than the link.
    #[test]
    fn identity_endpoint_is_on_this_machine_or_its_link() {
        for near in [
            "http://169.254.169.254",
            "http://169.254.129.5:8081/msi/token",
            "http://127.0.0.1:41741/MSI/token/",
            "http://localhost:40342/metadata/identity/oauth2/token",
            "http://[::1]:1/",
            "http://[fe80::1]/",
        ] {
            assert!(IdentityEndpoint::parse(near).is_some(), "{near}");
        }
        for other in [
            "https://169.254.169.254",
            "http://10.0.0.4/",
            "http://169.254.169.254.evil.example/",
            "http://evil.example/169.254.169.254",
            "http://user@127.0.0.1/",
            "http://127.0.0.1/?x=1",
            "http://127.0.0.1/#x",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(IdentityEndpoint::parse(other), None, "{other}");
        }
        assert!(IdentityEndpoint::instance_metadata().is_some());
    }

    #[test]
    fn managed_identity_is_named_by_a_guid() {
        let host = || IdentityHost::InstanceMetadata {
            endpoint: IdentityEndpoint::instance_metadata().unwrap(),
        };
        let guid = "7C2BE0D4-51A6-4F0B-8D37-D3E7E4A70003";
        let identity = ManagedIdentity::new(guid, host()).unwrap();
        assert_eq!(identity.client_id(), guid.to_ascii_lowercase());
        assert!(ManagedIdentity::new("my-identity", host()).is_none());
    }
}
