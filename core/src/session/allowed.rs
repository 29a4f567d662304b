//! Whether a user may sign in, and go on (threats D20, H15): by the settings, and by the entry of the client if the
//! operator has registered it.
//!
//! An object id, a group and an app role are the directory's own. A name to sign in with and its domain are only where the
//! account is the directory's, and there is one: the name of a guest is what another directory, or nobody, vouches for
//! (threat D7).

use super::record::{Hash, Session, User};
use crate::{
    config::{AllowedUsers, PreregisteredClient},
    env::Env,
};

/// Who says that the user may not sign in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotAllowed<'a> {
    /// The settings.
    Here,
    /// The entry of this client.
    With(&'a PreregisteredClient),
}

/// Whether this user may sign in with the client whose id has this hash.
pub(crate) fn check<'a>(user: &User, client: &Hash, env: Env<'a>) -> Result<(), NotAllowed<'a>> {
    let here = &env.server.config.allowed_users;
    let is_one = !env.server.config.entra.has_several_tenants();
    if here.refuses_guests() && user.profile.is_guest || !is_named(here, user, is_one) {
        return Err(NotAllowed::Here);
    }
    match env.clients.of_hash(&client.0) {
        Some(client) if !is_named(&client.allowed_users, user, is_one) => {
            Err(NotAllowed::With(client))
        }
        _ => Ok(()),
    }
}

/// Whether the user of a session may go on, as Entra described them last.
pub(crate) fn check_session<'a>(session: &Session, env: Env<'a>) -> Result<(), NotAllowed<'a>> {
    check(&session.user, &session.outline.client, env)
}

/// Whether who may sign in depends on what Entra says of them, for this client or at all.
pub(crate) fn is_limited(client: &Hash, env: Env<'_>) -> bool {
    let listed = env.clients.of_hash(&client.0);
    let here = &env.server.config.allowed_users;
    !here.is_everybody()
        || here.refuses_guests()
        || listed.is_some_and(|client| !client.allowed_users.is_everybody())
}

/// `is_one`: whether there is one directory. Where there are several, a name is what another one says.
fn is_named(allowed: &AllowedUsers, user: &User, is_one: bool) -> bool {
    let profile = &user.profile;
    let is_own = !profile.is_guest && is_one;
    let username = profile.username.as_deref().filter(|_| is_own);
    let in_group = |group: &String| profile.groups.contains(group);
    allowed.is_everybody()
        || allowed.has_object_id(&user.oid)
        || username.is_some_and(|username| allowed.has_username(username))
        || profile.roles.iter().any(|role| allowed.has_role(role))
        || allowed.groups().iter().any(in_group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Names, config::AllowedBy, session::record::Profile};

    const ID: &str = "7f9c2ba4-e88f-4a5b-9d1c-0f4f6b7f7a11";
    const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";

    fn user() -> User {
        User {
            tenant_id: "a tenant".to_owned(),
            oid: ID.to_owned(),
            sub: None,
            profile: Profile {
                username: Some("Alice@contoso.example".to_owned()),
                roles: Names::from_iter(["Mcp.User"]),
                groups: Names::from_iter([GROUP]),
                ..Profile::default()
            },
        }
    }

    fn names(by: AllowedBy, text: &str, user: &User) -> bool {
        let mut allowed = AllowedUsers::default();
        assert!(allowed.add(by, text), "{text}");
        is_named(&allowed, user, true)
    }

    // D20
    #[test]
    fn user_is_named_by_id_name_domain_group_or_role() {
        let alice = user();
        for (by, right, wrong) in [
            (AllowedBy::User, ID, GROUP),
            (
                AllowedBy::User,
                "alice@CONTOSO.example",
                "alice@contoso.examples",
            ),
            (AllowedBy::Domain, "Contoso.Example", "toso.example"),
            (AllowedBy::Domain, "contoso.example", "example.com"),
            (AllowedBy::Group, &GROUP.to_uppercase(), ID),
            (AllowedBy::Role, "Mcp.User", "mcp.user"),
        ] {
            assert!(names(by, right, &alice), "{right}");
            assert!(!names(by, wrong, &alice), "{wrong}");
        }
        assert!(is_named(&AllowedUsers::default(), &alice, true));
        let mut allowed = AllowedUsers::default();
        assert!(allowed.add(AllowedBy::User, GROUP) && allowed.add(AllowedBy::Role, "Mcp.User"));
        assert!(is_named(&allowed, &alice, true), "one list is enough");
    }

    // D7, D20: whoever invites somebody does not vouch for what they are called elsewhere.
    #[test]
    fn name_of_a_guest_names_nobody() {
        let mut guest = user();
        guest.profile.is_guest = true;
        for (by, text, expected) in [
            (AllowedBy::User, "alice@contoso.example", false),
            (AllowedBy::Domain, "contoso.example", false),
            (AllowedBy::User, ID, true),
            (AllowedBy::Group, GROUP, true),
            (AllowedBy::Role, "Mcp.User", true),
        ] {
            assert_eq!(names(by, text, &guest), expected, "{text}");
        }
    }

    // D20
    #[test]
    fn guest_of_the_tenant_is_out_where_guests_are_refused() {
        let mut server = crate::testing::TestServer::dev();
        let mut guest = user();
        guest.profile.is_guest = true;
        let client = Hash::of(b"a client");
        assert!(check(&guest, &client, server.env()).is_ok());
        server.server.config.allowed_users.refuse_guests();
        assert!(check(&guest, &client, server.env()).is_err());
        assert!(
            is_limited(&client, server.env()),
            "a renewal must say who it is"
        );
        assert!(check(&user(), &client, server.env()).is_ok());
    }
}
