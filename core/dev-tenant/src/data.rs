//! People, roles, groups and answers of Graph that whoever uses the tenant brings along, as JSON.
//!
//! ```
//! use entra_mcp_dev_tenant::TenantData;
//!
//! let data = TenantData::parse(r#"{
//!     "users": [
//!         {"userPrincipalName": "zoe@contoso.example", "displayName": "Zoe Zhang", "roles": ["Tickets.Admin"]},
//!         {"userPrincipalName": "alice@contoso.example", "groups": ["5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01"]}
//!     ],
//!     "graph": [
//!         {"path": "/v1.0/me/messages", "scope": "Mail.Read", "body": {"value": [{"id": "1", "subject": "Lunch"}]}}
//!     ]
//! }"#);
//! assert_eq!(data.unwrap().users.len(), 2);
//! let wrong = TenantData::parse(r#"{"users": [{"userPrincipalName": "zoe"}]}"#).unwrap_err();
//! assert!(wrong.starts_with("`users[0].userPrincipalName`"), "{wrong}");
//! ```

use std::collections::BTreeMap;

use entra_mcp_wire::form::Form;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::Value;

use super::{
    formats,
    organizations::Organization,
    scope::GRAPH,
    users::{NOBODY, TestUser, USERS},
};

/// The most people that a file may name.
const MOST_USERS: usize = 200;

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantData {
    /// People: new ones, and what is different about those that the tenant has anyway.
    pub users: Vec<UserData>,
    /// What Graph answers.
    pub graph: Vec<GraphRoute>,
}

/// Somebody, by the names of Graph's. What is left out of somebody whom the tenant has anyway stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UserData {
    /// The name to sign in with, such as `zoe@contoso.example`.
    pub user_principal_name: String,
    /// The object id; one is made of the name if it is left out.
    pub id: Option<String>,
    /// The name as it is shown.
    pub display_name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub surname: Option<String>,
    /// The mail address.
    pub mail: Option<String>,
    /// The job title.
    pub job_title: Option<String>,
    /// The office.
    pub office_location: Option<String>,
    /// The mobile phone number.
    pub mobile_phone: Option<String>,
    /// The preferred language.
    pub preferred_language: Option<String>,
    /// The app roles.
    pub roles: Option<Vec<String>>,
    /// The object ids of the groups.
    pub groups: Option<Vec<String>>,
}

/// What Graph answers to a request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphRoute {
    /// The method; GET if it is left out.
    #[serde(default = "get")]
    pub method: String,
    /// The path, such as `/v1.0/me/messages`.
    pub path: String,
    /// Parameters that the query must have. Of several routes that fit, the one with the most is taken.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Whose request it is: a name to sign in with. Anybody's if it is left out.
    #[serde(default)]
    pub user: Option<String>,
    /// The permission that the token must have.
    #[serde(default)]
    pub scope: Option<String>,
    /// Whether a token is needed at all. What a link leads to that Graph gives away needs none.
    #[serde(default = "yes")]
    pub token: bool,
    /// The status.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers of the answer.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, or a text. `{graph}` in it, and in headers, stands for the tenant's own address.
    #[serde(default)]
    pub body: Value,
}

fn get() -> String {
    "GET".to_owned()
}

fn yes() -> bool {
    true
}

fn ok() -> u16 {
    200
}

impl TenantData {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// What is wrong, beginning with its place: a line and column, or the member.
    pub fn parse(text: &str) -> Result<Self, String> {
        let data: Self = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or_default();
            format!("line {line}, column {column}: {words}")
        })?;
        if data.users.len() > MOST_USERS {
            return Err(format!("`users`: at most {MOST_USERS}"));
        }
        for (number, user) in data.users.iter().enumerate() {
            let place = |name: &str| format!("`users[{number}].{name}`");
            user.check()
                .map_err(|(name, why)| format!("{}: {why}", place(name)))?;
        }
        for (number, route) in data.graph.iter().enumerate() {
            let place = |name: &str| format!("`graph[{number}].{name}`");
            route
                .check()
                .map_err(|(name, why)| format!("{}: {why}", place(name)))?;
            let is_known = |user: &String| data.users().any(|known| is_called(&known, user));
            if route.user.as_ref().is_some_and(|user| !is_known(user)) {
                return Err(format!("{}: nobody has this name", place("user")));
            }
        }
        Ok(data)
    }

    /// Everybody's name to sign in with.
    fn users(&self) -> impl Iterator<Item = String> {
        let own = USERS.iter().map(|user| user.username.to_owned());
        own.chain(
            self.users
                .iter()
                .map(|user| user.user_principal_name.clone()),
        )
    }
}

fn is_called(username: &str, name: &str) -> bool {
    let short = username.split('@').next().unwrap_or_default();
    username.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
}

type Wrong = (&'static str, &'static str);

impl UserData {
    fn check(&self) -> Result<(), Wrong> {
        let name = self.user_principal_name.split_once('@');
        if name.is_none_or(|(name, domain)| name.is_empty() || domain.is_empty()) {
            return Err((
                "userPrincipalName",
                "a name with a domain, such as zoe@contoso.example",
            ));
        }
        if self.id.as_ref().is_some_and(|id| !formats::is_guid(id)) {
            return Err(("id", "an object id is a GUID"));
        }
        let mut groups = self.groups.iter().flatten();
        match groups.all(|group| formats::is_guid(group)) {
            true => Ok(()),
            false => Err(("groups", "the object id of a group is a GUID")),
        }
    }

    /// This user, with what is said here of whoever has that name. It lives as long as the process: a file is read once,
    /// and has few people.
    pub(super) fn to_user(&self) -> &'static TestUser {
        let known = USERS.iter();
        let mut known = known.filter(|user| user.username == self.user_principal_name);
        let known = known.next();
        let base = known.unwrap_or(&NOBODY);
        let (name, _) = self.user_principal_name.split_once('@').unwrap_or_default();
        let kept = |own: &Option<String>, base: &'static str| match own {
            Some(own) => leak(own),
            None => base,
        };
        let or = |own: &Option<String>, base: Option<&'static str>| match own {
            Some(own) => Some(leak(own)),
            None => base,
        };
        let shown = self.display_name.as_deref().unwrap_or(name);
        let (given, family) = shown.split_once(' ').unwrap_or((shown, ""));
        let first = |base: &'static str, made: &str| match base {
            "" => leak(made),
            base => base,
        };
        let domain = self.user_principal_name.rsplit('@').next();
        let organization = domain.and_then(Organization::find);
        Box::leak(Box::new(TestUser {
            username: leak(&self.user_principal_name),
            tenant: match (base.oid, organization) {
                ("", Some(organization)) => organization.id,
                _ => base.tenant,
            },
            oid: kept(
                &self.id,
                first(base.oid, &guid_of(&self.user_principal_name)),
            ),
            display_name: kept(&self.display_name, first(base.display_name, name)),
            given_name: kept(&self.given_name, first(base.given_name, given)),
            surname: kept(&self.surname, first(base.surname, family)),
            mail: or(&self.mail, base.mail),
            job_title: or(&self.job_title, base.job_title),
            office_location: or(&self.office_location, base.office_location),
            mobile_phone: or(&self.mobile_phone, base.mobile_phone),
            preferred_language: or(&self.preferred_language, base.preferred_language),
            note: first(base.note, "Of the file"),
            ..*base
        }))
    }
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// An object id that is always the same for a name.
fn guid_of(name: &str) -> String {
    let hash = digest(&SHA256, name.to_ascii_lowercase().as_bytes());
    let hex: String = hash
        .as_ref()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    let (first, second, third) = (part(0, 8), part(8, 12), part(13, 16));
    format!(
        "{first}-{second}-4{third}-8{}-{}",
        part(17, 20),
        part(20, 32)
    )
}

impl GraphRoute {
    fn check(&self) -> Result<(), Wrong> {
        if self.method.parse::<Method>().is_err() {
            return Err(("method", "no method of HTTP"));
        }
        if !self.path.starts_with('/') || self.path.contains(['?', '#']) {
            return Err((
                "path",
                "a path begins with / and has no query: write that as `query`",
            ));
        }
        if StatusCode::from_u16(self.status).is_err() || self.status < 200 {
            return Err(("status", "a status is 200 to 599"));
        }
        let is_known = |scope: &String| GRAPH.iter().any(|known| known.name == scope);
        if self.scope.as_ref().is_some_and(|scope| !is_known(scope)) {
            return Err(("scope", "the tenant knows no such permission of Graph"));
        }
        let is_header = |(name, value): (&String, &String)| {
            HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok()
        };
        match self.headers.iter().all(is_header) {
            true => Ok(()),
            false => Err(("headers", "one of them is no header of HTTP")),
        }
    }

    /// Whether it answers a request.
    pub(super) fn fits(&self, method: &Method, path: &str, query: &Form) -> bool {
        let has = |(name, value): (&String, &String)| query.all(name).any(|sent| sent == value);
        self.method == method.as_str() && self.path == path && self.query.iter().all(has)
    }

    /// Whether it is for somebody of this name.
    pub(super) fn is_for(&self, username: &str) -> bool {
        self.user
            .as_ref()
            .is_none_or(|user| is_called(username, user))
    }
}
