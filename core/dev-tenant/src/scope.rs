//! Scopes: OpenID Connect's, and the permissions of the resources: Microsoft Graph, this server as an API, and the blueprint of
//! agents.
//!
//! Source: Microsoft identity platform, "Scopes and permissions". A permission without a resource
//! means Graph's. The answer repeats the client's own spelling, because MSAL looks its tokens up by
//! it, and adds what else was consented to.

use serde::{Deserialize, Serialize};

use super::{
    aadsts_error::AadstsError,
    resource::{Resource, ResourceNames},
    users::Account,
};

/// A permission that the tenant knows.
#[derive(Debug)]
pub(super) struct Permission {
    pub(super) name: &'static str,
    /// What it means, for the consent page.
    pub(super) meaning: &'static str,
    /// Only an administrator can consent to it.
    pub(super) is_admins: bool,
}

const fn of(name: &'static str, meaning: &'static str) -> Permission {
    Permission {
        name,
        meaning,
        is_admins: false,
    }
}

/// The scopes of OpenID Connect.
pub(super) const OPENID: [Permission; 4] = [
    of("openid", "Sign you in"),
    of("profile", "View your basic profile"),
    of("email", "View your email address"),
    of(
        "offline_access",
        "Maintain access to data you have given it access to",
    ),
];

/// Graph's delegated permissions, as far as the tenant knows them.
pub(super) const GRAPH: [Permission; 17] = [
    of("User.Read", "Read your profile"),
    of("Mail.ReadBasic", "Read the heads of your mail"),
    of("Mail.Read", "Read your mail"),
    of("Calendars.Read", "Read your calendars"),
    of("Files.Read", "Read your files"),
    of("Contacts.Read", "Read your contacts"),
    of("Files.Read.All", "Read all files that you may read"),
    of("Sites.Read.All", "Read the sites that you may read"),
    of("People.Read", "See whom you work with"),
    of("User.ReadBasic.All", "Look up people in your organization"),
    of("Tasks.Read", "Read your tasks"),
    of("Chat.ReadBasic", "See which chats you are in"),
    of("Chat.Read", "Read your chats"),
    Permission {
        name: "User.Read.All",
        meaning: "Read all users' full profiles",
        is_admins: true,
    },
    Permission {
        name: "Group.Read.All",
        meaning: "Read all groups",
        is_admins: true,
    },
    Permission {
        name: "Policy.Read.ConditionalAccess",
        meaning: "Read the policies of Conditional Access",
        is_admins: true,
    },
    Permission {
        name: "Directory.Read.All",
        meaning: "Read directory data",
        is_admins: true,
    },
];

/// One scope that was asked for.
#[derive(Clone, Debug)]
pub(super) struct RequestedScope {
    /// As the client spelled it.
    spelling: String,
    what: ScopeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScopeKind {
    OpenId(&'static str),
    Of(Resource, &'static str),
    /// Everything that was consented to.
    Default(Resource),
}

/// The scopes of a request, all of which the tenant knows.
#[derive(Clone, Debug)]
pub(super) struct Scopes(Vec<RequestedScope>);

/// What a token is good for: as the member `scope` of the response, and by short names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Granted {
    pub(super) scope: String,
    pub(super) names: Vec<String>,
}

impl Scopes {
    /// Reads a `scope` parameter.
    pub(super) fn parse(text: &str, resources: ResourceNames<'_>) -> Result<Self, AadstsError> {
        let mut asked: Vec<RequestedScope> = Vec::new();
        let tokens = text.split_ascii_whitespace();
        for word in tokens {
            let what = classify(word, resources)?;
            if !asked.iter().any(|asked| asked.what == what) {
                asked.push(RequestedScope {
                    spelling: word.to_owned(),
                    what,
                });
            }
        }
        if asked.is_empty() {
            let text = "The provided request must include a 'scope' input parameter. The provided \
                        value for the input parameter 'scope' is not valid.";
            return Err(AadstsError::new("invalid_scope", 70_011, text));
        }
        let scopes = Self(asked);
        let mut all = scopes.0.iter();
        let is_mixed = all
            .clone()
            .any(|asked| matches!(asked.what, ScopeKind::Default(_)))
            && all.any(|asked| matches!(asked.what, ScopeKind::Of(..)));
        if is_mixed {
            let text = format!(
                "The provided value for the input parameter 'scope' is not valid. The scope {text} \
                 is not valid. .default scope can't be combined with resource-specific scopes."
            );
            return Err(AadstsError::new("invalid_scope", 70_011, text));
        }
        Ok(scopes)
    }

    /// Whose permissions they are, if they name any.
    pub(super) fn resource(&self) -> Option<Resource> {
        self.0.iter().find_map(|asked| match asked.what {
            ScopeKind::OpenId(_) => None,
            ScopeKind::Of(resource, _) | ScopeKind::Default(resource) => Some(resource),
        })
    }

    /// The scopes of an API that are asked for, by short names, and as the client spelled them.
    pub(super) fn of_api(&self) -> (Vec<&'static str>, Vec<String>) {
        let (mut names, mut spellings) = (Vec::new(), Vec::new());
        for asked in &self.0 {
            match asked.what {
                ScopeKind::OpenId(_) => {}
                ScopeKind::Of(_, name) => {
                    names.push(name);
                    spellings.push(asked.spelling.clone());
                }
                ScopeKind::Default(resource) => {
                    let prefix = asked.spelling.strip_suffix(".default").unwrap_or_default();
                    for name in resource.scopes() {
                        names.push(name);
                        spellings.push(format!("{prefix}{name}"));
                    }
                }
            }
        }
        (names, spellings)
    }

    /// Whether one of OpenID Connect's scopes is asked for.
    pub(super) fn has_openid(&self, name: &str) -> bool {
        let is = |what| matches!(what, ScopeKind::OpenId(asked) if asked == name);
        self.0.iter().any(|asked| is(asked.what))
    }

    /// What has to be consented to, by short names.
    pub(super) fn needed(&self) -> impl Iterator<Item = &'static Permission> {
        OPENID.iter().chain(&GRAPH).filter(|permission| {
            self.0.iter().any(|asked| match asked.what {
                ScopeKind::OpenId(name) | ScopeKind::Of(Resource::Graph, name) => {
                    name == permission.name
                }
                ScopeKind::Default(Resource::Graph) => permission.name == "User.Read",
                // Whoever may call the other resources is preauthorized.
                ScopeKind::Of(..) | ScopeKind::Default(_) => false,
            })
        })
    }

    /// What is missing of it.
    pub(super) fn unconsented(&self, account: &Account) -> Vec<&'static Permission> {
        self.needed()
            .filter(|permission| !account.consented.contains(permission.name))
            .collect()
    }

    /// What a token for these is good for: what was asked for first, then what else was consented
    /// to, spelled long or short as the client does.
    pub(super) fn granted(&self, account: &Account) -> Granted {
        let mut spellings: Vec<String> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        let mut graph_prefix = None;
        for asked in &self.0 {
            if asked.what != ScopeKind::OpenId("offline_access") {
                spellings.push(asked.spelling.clone());
            }
            match asked.what {
                ScopeKind::OpenId(name) => names.push(name),
                ScopeKind::Of(resource, name) => {
                    names.push(name);
                    let prefix = asked.spelling.get(..asked.spelling.len() - name.len());
                    graph_prefix = prefix.filter(|_| resource == Resource::Graph);
                }
                ScopeKind::Default(_) => {
                    graph_prefix = asked.spelling.strip_suffix(".default");
                }
            }
        }
        let more = |name: &&'static str| account.consented.contains(name);
        let openid = ["profile", "openid", "email"].into_iter().filter(more);
        for name in openid {
            if !names.contains(&name) {
                spellings.push(name.to_owned());
                names.push(name);
            }
        }
        // Without one permission of Graph's the token is good for OpenID Connect's user info only.
        if let Some(prefix) = graph_prefix {
            let graph = GRAPH.iter().map(|permission| permission.name);
            for name in graph.filter(more) {
                if !names.contains(&name) {
                    spellings.push(format!("{prefix}{name}"));
                    names.push(name);
                }
            }
        }
        Granted {
            scope: spellings.join(" "),
            names: names.into_iter().map(str::to_owned).collect(),
        }
    }
}

fn classify(word: &str, resources: ResourceNames<'_>) -> Result<ScopeKind, AadstsError> {
    if let Some(permission) = OPENID.iter().find(|permission| permission.name == word) {
        return Ok(ScopeKind::OpenId(permission.name));
    }
    let (resource, name) = match resources.split(word) {
        Some(known) => known,
        None if word.contains('/') => return Err(unknown_resource(word)),
        None => (Resource::Graph, word),
    };
    if name == ".default" {
        return Ok(ScopeKind::Default(resource));
    }
    let own = resource.scopes().iter().copied();
    let of_graph = GRAPH.iter().map(|permission| permission.name);
    let mut known = own.chain(of_graph.filter(|_| resource == Resource::Graph));
    known
        .find(|known| known.eq_ignore_ascii_case(name))
        .map(|name| ScopeKind::Of(resource, name))
        .ok_or_else(|| unknown_scope(name, resource))
}

fn unknown_scope(name: &str, resource: Resource) -> AadstsError {
    let resource = resource.id();
    let text = format!(
        "The application '{}' asked for scope '{name}' that doesn't exist on the resource \
         '{resource}'. Contact the app vendor.",
        super::APPLICATION
    );
    AadstsError::new("invalid_client", 650_053, text).bad_request()
}

/// The resource of a scope is not in the tenant.
pub(super) fn unknown_resource(scope: &str) -> AadstsError {
    let resource = scope.rsplit_once('/').map_or(scope, |(before, _)| before);
    let text = format!(
        "The resource principal named {resource} was not found in the tenant named {}. This can \
         happen if the application has not been installed by the administrator of the tenant or \
         consented to by any user in the tenant. You might have sent your authentication request \
         to the wrong tenant.",
        super::TENANT_ID
    );
    AadstsError::new("invalid_resource", 500_011, text)
}

/// Whether a token request names the permissions of more than one resource.
pub(super) fn has_several_resources(text: &str, resources: ResourceNames<'_>) -> bool {
    let mut first = None;
    text.split_ascii_whitespace().any(|word| {
        let resource = match classify(word, resources) {
            Ok(ScopeKind::OpenId(_)) => return false,
            Ok(ScopeKind::Of(resource, _) | ScopeKind::Default(resource)) => Some(resource),
            Err(error) if error.code == 500_011 => None,
            Err(_) => return false,
        };
        *first.get_or_insert(resource) != resource
    })
}

/// The resource whose tokens an application asks for as itself: `/.default` of one.
pub(super) fn only_default(text: &str, resources: ResourceNames<'_>) -> Option<Resource> {
    // Scopes of OpenID Connect beside it are ignored.
    let is_openid = |word: &&str| OPENID.iter().any(|permission| permission.name == *word);
    let mut tokens = text
        .split_ascii_whitespace()
        .filter(|word| !is_openid(word));
    match (
        tokens.next().map(|word| classify(word, resources)),
        tokens.next(),
    ) {
        (Some(Ok(ScopeKind::Default(resource))), None) => Some(resource),
        _ => None,
    }
}
