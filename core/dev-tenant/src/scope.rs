//! Scopes: OpenID Connect's, and the permissions of one resource, Microsoft Graph.
//!
//! Source: Microsoft identity platform, "Scopes and permissions". A permission without a resource
//! means Graph's. The answer repeats the client's own spelling, because MSAL looks its tokens up by
//! it, and adds what else was consented to.

use serde::{Deserialize, Serialize};

use super::{aadsts_error::AadstsError, users::Account};

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
pub(super) const GRAPH: [Permission; 16] = [
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
        name: "Directory.Read.All",
        meaning: "Read directory data",
        is_admins: true,
    },
];

/// Names of Graph as a resource, besides the tenant's own origin.
const GRAPH_NAMES: [&str; 2] = [
    "https://graph.microsoft.com/",
    "00000003-0000-0000-c000-000000000000/",
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
    Graph(&'static str),
    /// Everything that was consented to.
    Default,
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
    pub(super) fn parse(text: &str, origin: &str) -> Result<Self, AadstsError> {
        let mut asked: Vec<RequestedScope> = Vec::new();
        let tokens = text.split_ascii_whitespace();
        for word in tokens {
            let what = classify(word, origin)?;
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
        let is_mixed = scopes.has(ScopeKind::Default)
            && (scopes.0.iter()).any(|asked| matches!(asked.what, ScopeKind::Graph(_)));
        if is_mixed {
            let text = format!(
                "The provided value for the input parameter 'scope' is not valid. The scope {text} \
                 is not valid. .default scope can't be combined with resource-specific scopes."
            );
            return Err(AadstsError::new("invalid_scope", 70_011, text));
        }
        Ok(scopes)
    }

    fn has(&self, what: ScopeKind) -> bool {
        self.0.iter().any(|asked| asked.what == what)
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
                ScopeKind::OpenId(name) | ScopeKind::Graph(name) => name == permission.name,
                ScopeKind::Default => permission.name == "User.Read",
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
                ScopeKind::Graph(name) => {
                    names.push(name);
                    graph_prefix = asked.spelling.get(..asked.spelling.len() - name.len());
                }
                ScopeKind::Default => {
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

fn classify(word: &str, origin: &str) -> Result<ScopeKind, AadstsError> {
    if let Some(permission) = OPENID.iter().find(|permission| permission.name == word) {
        return Ok(ScopeKind::OpenId(permission.name));
    }
    let own = word
        .strip_prefix(origin)
        .and_then(|rest| rest.strip_prefix('/'));
    let of_graph = own.or_else(|| {
        let mut names = GRAPH_NAMES.iter();
        names.find_map(|name| word.strip_prefix(name))
    });
    let name = match of_graph {
        Some(name) => name,
        None if word.contains('/') => return Err(unknown_resource(word)),
        None => word,
    };
    if name == ".default" {
        return Ok(ScopeKind::Default);
    }
    GRAPH
        .iter()
        .find(|permission| permission.name.eq_ignore_ascii_case(name))
        .map(|permission| ScopeKind::Graph(permission.name))
        .ok_or_else(|| unknown_scope(name))
}

fn unknown_scope(name: &str) -> AadstsError {
    let text = format!(
        "The application '{}' asked for scope '{name}' that doesn't exist on the resource \
         '00000003-0000-0000-c000-000000000000'. Contact the app vendor.",
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
pub(super) fn has_several_resources(text: &str, origin: &str) -> bool {
    let tokens = || text.split_ascii_whitespace();
    let is_graph = |word: &str| {
        matches!(
            classify(word, origin),
            Ok(ScopeKind::Graph(_) | ScopeKind::Default)
        )
    };
    let is_other =
        |word: &str| matches!(classify(word, origin), Err(error) if error.code == 500_011);
    tokens().any(is_graph) && tokens().any(is_other)
}

/// Whether this is the one scope with which an application asks for Graph as itself.
pub(super) fn is_graph_default(text: &str, origin: &str) -> bool {
    // Scopes of OpenID Connect beside it are ignored.
    let is_openid = |word: &&str| OPENID.iter().any(|permission| permission.name == *word);
    let mut tokens = text
        .split_ascii_whitespace()
        .filter(|word| !is_openid(word));
    let first = tokens.next().map(|word| classify(word, origin));
    matches!((first, tokens.next()), (Some(Ok(ScopeKind::Default)), None))
}
