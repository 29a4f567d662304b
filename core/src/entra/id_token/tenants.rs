//! ID tokens of several tenants (threat D24).

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{IdTokenError, Identity, verify};
use crate::{
    config::{ORGANIZATIONS, Tenants},
    entra::testing::{Signer, TENANT, claims},
    testing::TestServer,
};

const OTHER: &str = "fab41ca0-5d2e-4b8f-a1c6-d3e7e4a7000a";
const TEMPLATE: &str = "https://login.example/{tenantid}/v2.0";

/// A server for users of these tenants, which knows the metadata of all organizations.
fn server(tenants: Tenants) -> TestServer {
    let mut server = TestServer::dev();
    let entra = &mut server.server.config.entra;
    (entra.tenant, entra.tenants) = (ORGANIZATIONS.to_owned(), tenants);
    let metadata = server.known.metadata.as_mut().unwrap();
    let metadata = Arc::make_mut(metadata);
    metadata.issuer = TEMPLATE.to_owned();
    for key in &mut metadata.keys {
        key.issuer = Some(TEMPLATE.to_owned());
    }
    server
}

fn listed(ids: &[&str]) -> Tenants {
    Tenants::Listed(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn of(tenant: &str) -> Value {
    json!({"tid": tenant, "iss": TEMPLATE.replace("{tenantid}", tenant)})
}

fn verified(server: &TestServer, changes: Value) -> Result<Identity, IdTokenError> {
    let token = Signer::known().jwt(&claims(server, changes));
    let metadata = server.known.metadata.clone().unwrap();
    verify(&token, "the nonce", &metadata, server.env())
}

#[test]
fn user_of_each_listed_tenant_is_known_and_one_of_another_is_told() {
    let server = server(listed(&[TENANT, OTHER]));
    for tenant in [TENANT, OTHER] {
        let identity = verified(&server, of(tenant)).unwrap();
        assert_eq!(identity.tenant_id, tenant);
    }
    let strange = "33333333-3333-3333-3333-333333333333";
    assert_eq!(
        verified(&server, of(strange)),
        Err(IdTokenError::OtherTenant)
    );
    assert_eq!(
        verified(&self::server(listed(&[])), of(TENANT)),
        Err(IdTokenError::OtherTenant),
        "an empty list lets nobody in"
    );
}

// The template is filled with the tenant of the token, and with nothing else.
#[test]
fn issuer_of_another_tenant_than_the_tokens_is_rejected() {
    for tenants in [listed(&[TENANT, OTHER]), Tenants::AnyOrganization] {
        let server = server(tenants);
        for (tid, iss) in [
            (TENANT, TEMPLATE.replace("{tenantid}", OTHER)),
            (OTHER, TEMPLATE.replace("{tenantid}", TENANT)),
            (TENANT, TEMPLATE.to_owned()),
            (TENANT, format!("https://evil.example/{TENANT}/v2.0")),
        ] {
            let verdict = verified(&server, json!({"tid": tid, "iss": iss}));
            assert!(
                matches!(verdict, Err(IdTokenError::Wrong(_))),
                "{tid} {iss}"
            );
        }
    }
}

#[test]
fn personal_account_is_of_no_organization() {
    let server = server(Tenants::AnyOrganization);
    assert!(verified(&server, of(OTHER)).is_ok());
    let personal = of("9188040d-6c67-4c5b-b112-36a304b66dad");
    assert_eq!(verified(&server, personal), Err(IdTokenError::OtherTenant));
}

// The same `oid` in two tenants is two people.
#[test]
fn users_of_two_tenants_are_never_one() {
    let server = server(Tenants::AnyOrganization);
    let users = [TENANT, OTHER].map(|tenant| verified(&server, of(tenant)).unwrap().to_user());
    let keys: BTreeSet<_> = users.iter().map(|user| user.key()).collect();
    assert_eq!(keys.len(), 2);
}
