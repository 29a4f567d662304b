//! The made-up users of the tenant, and what the tenant remembers of each of them.
//!
//! There is one for each way in which a sign-in can go (Microsoft identity platform, "Authentication
//! and authorization error codes"), and two who share an e-mail address, because an address is no
//! identity (threat D7).

use std::collections::BTreeSet;

use super::{
    TENANT_ID,
    organizations::{FABRIKAM_ID, NORTHWIND_ID},
};

/// Somebody who can sign in, or cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestUser {
    /// The user principal name, to sign in with.
    pub username: &'static str,
    /// The tenant whose directory they are in.
    pub tenant: &'static str,
    /// The tenant that vouches for them, if they are a guest of the other.
    pub home: Option<&'static str>,
    /// Whether they administer the directory.
    pub is_administrator: bool,
    /// The object id.
    pub oid: &'static str,
    /// The name as it is shown.
    pub display_name: &'static str,
    /// The given name.
    pub given_name: &'static str,
    /// The family name.
    pub surname: &'static str,
    /// The mail address, if there is a mailbox.
    pub mail: Option<&'static str>,
    /// The job title.
    pub job_title: Option<&'static str>,
    /// The office.
    pub office_location: Option<&'static str>,
    /// The phone number at work.
    pub business_phone: Option<&'static str>,
    /// The mobile phone number.
    pub mobile_phone: Option<&'static str>,
    /// The preferred language.
    pub preferred_language: Option<&'static str>,
    /// The app roles that are assigned to them.
    pub roles: &'static [&'static str],
    /// The object ids of the groups that they are in.
    pub groups: &'static [&'static str],
    /// What is special about them, as a text for the sign-in page.
    pub note: &'static str,
}

pub(super) const NOBODY: TestUser = TestUser {
    username: "",
    tenant: TENANT_ID,
    home: None,
    is_administrator: false,
    oid: "",
    display_name: "",
    given_name: "",
    surname: "",
    mail: None,
    job_title: None,
    office_location: None,
    business_phone: None,
    mobile_phone: None,
    preferred_language: None,
    roles: &[],
    groups: &[],
    note: "",
};

/// Everybody: first those of the tenant that the application is in, of whom the first is the one for whom all goes well.
pub const USERS: [TestUser; 13] = [
    TestUser {
        username: "alice@contoso.example",
        oid: "a11ce000-3c5b-4d1f-8a27-6b1f0e9d4c01",
        display_name: "Alice Adams",
        given_name: "Alice",
        surname: "Adams",
        mail: Some("alice@contoso.example"),
        job_title: Some("Retail Manager"),
        office_location: Some("18/2111"),
        business_phone: Some("+1 425 555 0109"),
        mobile_phone: Some("+1 425 555 0110"),
        preferred_language: Some("en-US"),
        roles: &["Reports.Read"],
        note: "All goes well. Has the app role Reports.Read",
        ..NOBODY
    },
    TestUser {
        username: "bob@contoso.example",
        oid: "b0b00000-91e2-4f6a-b3d8-2c7a5e104c02",
        display_name: "Bob Baumann",
        given_name: "Bob",
        surname: "Baumann",
        job_title: Some("Night Watch"),
        preferred_language: Some("de-DE"),
        groups: &["5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01"],
        note: "Has never had a mailbox. Is in the group 5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01",
        ..NOBODY
    },
    TestUser {
        username: "carol@contoso.example",
        oid: "ca401000-7d40-4b9c-9e15-8f3b6a2d4c03",
        display_name: "Carol Çelik",
        given_name: "Carol",
        surname: "Çelik",
        mail: Some("carol.celik@contoso.example"),
        job_title: Some("Counsel"),
        office_location: Some("4/1302"),
        preferred_language: Some("tr-TR"),
        note: "Is asked for permission first",
        ..NOBODY
    },
    TestUser {
        username: "dave@contoso.example",
        oid: "da7e0000-5a83-4e27-a6c1-0d9e7f584c04",
        display_name: "Dave Dubois",
        given_name: "Dave",
        surname: "Dubois",
        mail: Some("dave@contoso.example"),
        note: "The account is disabled",
        ..NOBODY
    },
    TestUser {
        username: "erin@contoso.example",
        oid: "e4140000-2f6d-4c58-8b90-5e1c3a7f4c05",
        display_name: "Erin Eriksen",
        given_name: "Erin",
        surname: "Eriksen",
        mail: Some("erin@contoso.example"),
        job_title: Some("Contractor"),
        note: "Blocked by a Conditional Access policy",
        ..NOBODY
    },
    TestUser {
        username: "frank@contoso.example",
        oid: "f4a00000-b817-4d0e-95f2-7c6b8d214c06",
        display_name: "Frank Ferrari",
        given_name: "Frank",
        surname: "Ferrari",
        mail: Some("frank@contoso.example"),
        job_title: Some("Treasurer"),
        note: "Must use a second factor whenever a session is renewed",
        ..NOBODY
    },
    TestUser {
        username: "grace@contoso.example",
        oid: "64ace000-0e39-4a72-b1d4-9a2f5c834c07",
        display_name: "Grace Gupta",
        given_name: "Grace",
        surname: "Gupta",
        mail: Some("alice@contoso.example"),
        note: "Has the same e-mail address as somebody else",
        ..NOBODY
    },
    TestUser {
        username: "heidi@contoso.example",
        oid: "4e1d1000-8b27-4c6e-9f03-3d5a7c914c08",
        display_name: "Heidi Holm",
        given_name: "Heidi",
        surname: "Holm",
        mail: Some("heidi@contoso.example"),
        job_title: Some("Chief of Staff"),
        is_administrator: true,
        groups: &["5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01"],
        note: "Is in more groups than a token names, Bob's among them",
        ..NOBODY
    },
    TestUser {
        username: "ivan@contoso.example",
        oid: "19a40000-d3f7-4b62-8e15-6c0f9b284c09",
        display_name: "Ivan Ivanov",
        given_name: "Ivan",
        surname: "Ivanov",
        mail: Some("ivan@contoso.example"),
        job_title: Some("Auditor"),
        note: "Must satisfy the authentication context c1 for Microsoft Graph",
        ..NOBODY
    },
    TestUser {
        username: "peggy@fabrikam.example",
        home: Some(FABRIKAM_ID),
        oid: "9e667000-1c84-4f5d-a3b9-7d2e0f614c10",
        display_name: "Peggy Park",
        given_name: "Peggy",
        surname: "Park",
        mail: Some("peggy@fabrikam.example"),
        note: "A guest, whom Fabrikam vouches for",
        ..NOBODY
    },
    TestUser {
        username: "olivia@fabrikam.example",
        tenant: FABRIKAM_ID,
        is_administrator: true,
        oid: "0117a000-6e29-4d8b-b5f0-4a1c9e734c11",
        display_name: "Olivia Okafor",
        given_name: "Olivia",
        surname: "Okafor",
        mail: Some("olivia@fabrikam.example"),
        job_title: Some("Head of IT"),
        note: "Of another organization, Fabrikam, which she administers",
        ..NOBODY
    },
    TestUser {
        username: "nina@northwind.example",
        tenant: NORTHWIND_ID,
        oid: "21a00000-b3d7-4e94-8c61-5f0a2d874c12",
        display_name: "Nina Novak",
        given_name: "Nina",
        surname: "Novak",
        mail: Some("nina@northwind.example"),
        note: "Of another organization, Northwind, which has not let the application in",
        ..NOBODY
    },
    TestUser {
        username: "victor@northwind.example",
        tenant: NORTHWIND_ID,
        is_administrator: true,
        oid: "71c70400-4fa2-4c1e-9d83-6b5e8a094c13",
        display_name: "Victor Vidal",
        given_name: "Victor",
        surname: "Vidal",
        mail: Some("victor@northwind.example"),
        note: "Administers Northwind",
        ..NOBODY
    },
];

/// The account of the agent ([`crate::AGENT_ID`]), which nobody signs in to.
pub const AGENT_USER: TestUser = TestUser {
    username: "agent@contoso.example",
    oid: "a6e47000-1f52-4e8c-b730-d3e7e4a7000c",
    display_name: "Invoice Agent",
    given_name: "Invoice",
    surname: "Agent",
    mail: Some("agent@contoso.example"),
    note: "The account of an agent",
    ..NOBODY
};

/// What the tenant has made of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountStatus {
    Active,
    Disabled,
    /// A Conditional Access policy lets nobody through.
    Blocked,
    /// The application is for assigned users only, and this one is not.
    Unassigned,
}

impl AccountStatus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Blocked => "blocked",
            Self::Unassigned => "unassigned",
        }
    }
}

/// A user, and what the tenant remembers of them.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) user: &'static TestUser,
    pub(super) status: AccountStatus,
    /// Whether renewing a session needs a second factor.
    pub(super) needs_second_factor: bool,
    /// The authentication context that Graph wants of them.
    pub(super) graph_context: Option<String>,
    /// Counts the revocations; what was granted in an earlier epoch is void.
    pub(super) epoch: u32,
    /// When the last of them was, in seconds since 1970.
    pub(super) valid_from: u64,
    /// The app roles that they have now.
    pub(super) roles: Vec<String>,
    /// The object ids of the groups that they are in now.
    pub(super) groups: Vec<String>,
    /// The permissions that were consented to, by their short names.
    pub(super) consented: BTreeSet<&'static str>,
}

/// What an administrator consented to for everybody, on the first day.
pub(super) const CONSENTED: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "offline_access",
    "User.Read",
    "Mail.Read",
];

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn groups_of(user: &TestUser) -> Vec<String> {
    let mut groups = texts(user.groups);
    if user.given_name == "Heidi" {
        groups.extend((0..250).map(|number| format!("6409d000-0000-4000-8000-{number:012x}")));
    }
    groups
}

impl Account {
    pub(super) fn at_first(user: &'static TestUser) -> Self {
        let status = match user.given_name {
            "Dave" => AccountStatus::Disabled,
            "Erin" => AccountStatus::Blocked,
            _ => AccountStatus::Active,
        };
        let consented: &[_] = match user.given_name {
            "Carol" => &[],
            _ if user.tenant == NORTHWIND_ID => &[],
            _ => &CONSENTED,
        };
        Self {
            user,
            status,
            needs_second_factor: user.given_name == "Frank",
            graph_context: (user.given_name == "Ivan").then(|| "c1".to_owned()),
            epoch: 0,
            valid_from: 0,
            roles: texts(user.roles),
            groups: groups_of(user),
            consented: consented.iter().copied().collect(),
        }
    }

    pub(super) fn is_called(&self, username: &str) -> bool {
        let username = username.trim();
        let full = self.user.username;
        let short = full.split('@').next().unwrap_or_default();
        full.eq_ignore_ascii_case(username) || short.eq_ignore_ascii_case(username)
    }

    /// Voids every session and token of this user (`revokeSignInSessions`).
    pub(super) const fn revoke(&mut self, now: u64) {
        self.epoch += 1;
        self.valid_from = now;
    }
}
