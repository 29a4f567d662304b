//! Everybody's accounts: those of the tenant's own people, and of those whom a file brings along.

use super::{
    data::UserData,
    users::{AGENT_USER, Account, CONSENTED, TestUser, USERS},
};

/// Somebody whom the file describes.
#[derive(Clone, Debug)]
pub(super) struct Person {
    user: &'static TestUser,
    roles: Option<Vec<String>>,
    groups: Option<Vec<String>>,
}

impl Person {
    pub(super) fn of(data: &UserData) -> Self {
        Self {
            user: data.to_user(),
            roles: data.roles.clone(),
            groups: data.groups.clone(),
        }
    }
}

/// All accounts.
#[derive(Clone, Debug)]
pub(super) struct Directory(Vec<Account>);

impl Directory {
    /// Those of the tenant, and these: who has a name that there is already is meant by it.
    pub(super) fn new(people: &[Person]) -> Self {
        const AGENT: &TestUser = &AGENT_USER;
        let all = USERS.iter().chain([AGENT]);
        let mut accounts: Vec<_> = all.map(Account::at_first).collect();
        for person in people {
            let mut described = Account::at_first(person.user);
            let mut others = accounts.iter_mut();
            let known = others.find(|account| account.user.username == person.user.username);
            if let Some(known) = &known {
                described.roles.clone_from(&known.roles);
                described.groups.clone_from(&known.groups);
                described.status = known.status;
                described.needs_second_factor = known.needs_second_factor;
                described.consented.clone_from(&known.consented);
            }
            described.roles = person.roles.clone().unwrap_or(described.roles);
            described.groups = person.groups.clone().unwrap_or(described.groups);
            match known {
                Some(known) => *known = described,
                None => accounts.push(described),
            }
        }
        Self(accounts)
    }

    /// An administrator consents for everybody in a directory.
    pub(super) fn consent_for_all_of(&mut self, tenant: &str) {
        let all = self.0.iter_mut();
        for account in all.filter(|account| account.user.tenant == tenant) {
            account.consented.extend(CONSENTED);
        }
    }

    pub(super) fn all(&self) -> &[Account] {
        &self.0
    }

    /// The account of this object id.
    pub(super) fn by_oid(&self, oid: &str) -> Option<&Account> {
        self.0.iter().find(|account| account.user.oid == oid)
    }

    /// The account of this user principal name, or of what stands before its `@`.
    pub(super) fn by_username(&self, username: &str) -> Option<&Account> {
        self.0.iter().find(|account| account.is_called(username))
    }

    /// The same, to change it.
    pub(super) fn by_username_mut(&mut self, username: &str) -> Option<&mut Account> {
        self.0
            .iter_mut()
            .find(|account| account.is_called(username))
    }

    /// The account of this object id, to change it.
    pub(super) fn by_oid_mut(&mut self, oid: &str) -> Option<&mut Account> {
        self.0.iter_mut().find(|account| account.user.oid == oid)
    }
}
