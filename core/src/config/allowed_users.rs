//! Who may sign in: the users whom one of these lists names, by what Entra ID says of them (threats D7, D20). One rule
//! for the whole server and for a client of the operator's list.

use crate::{limits, provider_metadata::is_guid};

/// Who may sign in. Where no list names anybody, everybody may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedUsers {
    users: Vec<String>,
    groups: Vec<String>,
    roles: Vec<String>,
    domains: Vec<String>,
    refuses_guests: bool,
}

/// What a user is named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedBy {
    /// The object id, or the name to sign in with.
    User,
    /// The object id of a group that they are in.
    Group,
    /// An app role that they have.
    Role,
    /// The domain of the name to sign in with.
    Domain,
}

impl AllowedBy {
    /// What it is called.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "app role",
            Self::Domain => "domain",
        }
    }

    /// What a right one looks like.
    #[must_use]
    pub fn right(self) -> &'static str {
        match self {
            Self::User => {
                "Write an object id, or a name to sign in with, such as user@contoso.com."
            }
            Self::Group => {
                "Write the object id of a group, such as 7f9c2ba4-e88f-4a5b-9d1c-0f4f6b7f7a11; a name could be given \
                 to another group."
            }
            Self::Role => "Write the value of an app role of the application, such as Mcp.User.",
            Self::Domain => "Write a domain of the directory, such as contoso.com.",
        }
    }
}

impl AllowedUsers {
    /// Lets in nobody who was invited: accounts of another directory, or of none.
    pub fn refuse_guests(&mut self) {
        self.refuses_guests = true;
    }

    /// Whether those who were invited may not sign in.
    #[must_use]
    pub fn refuses_guests(&self) -> bool {
        self.refuses_guests
    }

    /// Adds whom this names. `false` if it cannot name anybody.
    #[must_use]
    pub fn add(&mut self, by: AllowedBy, text: &str) -> bool {
        let (list, is_good) = match by {
            AllowedBy::User => (&mut self.users, is_guid(text) || is_user_name(text)),
            AllowedBy::Group => (&mut self.groups, is_guid(text)),
            AllowedBy::Role => (&mut self.roles, is_role(text)),
            AllowedBy::Domain => (&mut self.domains, is_domain(text)),
        };
        if is_good {
            // The value of a role counts as it is written; all else is one in whichever case.
            list.push(match by {
                AllowedBy::Role => text.to_owned(),
                _ => text.to_ascii_lowercase(),
            });
        }
        is_good
    }

    /// Whether everybody may sign in.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        let Self {
            users,
            groups,
            roles,
            domains,
            refuses_guests: _,
        } = self;
        [users, groups, roles, domains]
            .iter()
            .all(|list| list.is_empty())
    }

    /// Whether the user of this object id is named.
    pub(crate) fn has_object_id(&self, oid: &str) -> bool {
        self.users.iter().any(|user| user.eq_ignore_ascii_case(oid))
    }

    /// Whether a name to sign in with is named, or its domain. Only the directory of an account vouches for its name.
    pub(crate) fn has_username(&self, username: &str) -> bool {
        let lists =
            |list: &[String], text: &str| list.iter().any(|one| one.eq_ignore_ascii_case(text));
        let domain = username.rsplit_once('@').map(|(_, domain)| domain);
        lists(&self.users, username) || domain.is_some_and(|domain| lists(&self.domains, domain))
    }

    /// Whether this app role is named.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|listed| listed == role)
    }

    /// The object ids of the groups, in small letters.
    pub(crate) fn groups(&self) -> &[String] {
        &self.groups
    }
}

fn is_user_name(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty())
        && text.chars().count() <= limits::USER_NAME_CHARS
        && !text.contains(|character: char| character.is_whitespace() || character.is_control())
}

fn is_role(text: &str) -> bool {
    let is_visible = |character: char| !character.is_whitespace() && !character.is_control();
    !text.is_empty() && text.len() <= limits::ROLE_BYTES && text.chars().all(is_visible)
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_plain)
    };
    text.contains('.') && text.len() < 254 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7F9C2BA4-e88f-4a5b-9d1c-0f4f6b7f7a11";

    #[test]
    fn only_what_can_name_somebody_is_added() {
        let long = "x".repeat(limits::ROLE_BYTES + 1);
        for (by, good, wrong) in [
            (
                AllowedBy::User,
                &[ID, "alice@contoso.com"][..],
                &["", "alice", "@contoso.com", "alice@", "al ice@contoso.com"][..],
            ),
            (AllowedBy::Group, &[ID], &["Engineering", "", "7f9c2ba4"]),
            (AllowedBy::Role, &["Mcp.User"], &["", "a b", &long]),
            (
                AllowedBy::Domain,
                &["contoso.com", "eu.contoso.com"],
                &["contoso", "*.contoso.com", "@contoso.com", "a..b", ""],
            ),
        ] {
            let mut allowed = AllowedUsers::default();
            assert!(
                wrong.iter().all(|text| !allowed.add(by, text)),
                "{}",
                by.noun()
            );
            assert!(allowed.is_everybody(), "what is wrong names nobody");
            for text in good {
                let mut allowed = AllowedUsers::default();
                assert!(allowed.add(by, text) && !allowed.is_everybody(), "{text}");
            }
        }
    }
}
