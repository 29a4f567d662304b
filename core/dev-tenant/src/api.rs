//! Access tokens for the application as an API, of users and of applications.
//!
//! Source: Microsoft identity platform, "Access token claims reference"; Microsoft Entra Agent ID, "Agent token claims". Which
//! version a token has is up to the API (`/control`, `access_token_version`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    AGENT_USER, API_URI, BLUEPRINT_ID, DAEMON_OBJECT_ID, DevTenant, EXPIRES_IN,
    client::Client,
    group_claims::GroupClaims,
    issue::bearer,
    request_context::RequestContext,
    resource::Resource,
    sealed::{Sealed, SignIn},
    token::subject,
    unsigned_response::UnsignedToken,
    users::Account,
};

/// The app role that applications without a user have.
const ROLE: &str = "Tools.Execute.All";

/// What an access token is made from.
pub(super) struct Issued<'a> {
    pub(super) to: Client,
    pub(super) resource: Resource,
    pub(super) takes_challenges: bool,
    pub(super) whose: Whose<'a>,
}

/// Whose an access token is.
pub(super) enum Whose<'a> {
    /// A user's, for these scopes.
    User(&'a Account, &'a SignIn, String),
    /// The application's own, in this tenant.
    Application(&'static str),
}

impl Whose<'_> {
    const fn tenant(&self) -> &'static str {
        match self {
            Self::User(account, ..) => account.user.tenant,
            Self::Application(tenant) => tenant,
        }
    }
}

/// Who has signed in, inside an access token for the API: what Entra has in `aio` is as opaque.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpaqueSignIn(pub(super) SignIn);

impl Sealed for OpaqueSignIn {
    const PREFIX: &'static str = "Ab";
    const SURVIVES_RESTART: bool = true;
}

impl DevTenant {
    /// An access token that wants a signature, unless it is to have none, and what its answer has besides.
    pub(super) fn api_token(
        &mut self,
        issued: &Issued<'_>,
        cx: &mut RequestContext<'_>,
    ) -> (Option<UnsignedToken>, Map<String, Value>) {
        let seconds = self.settings.expires_in.unwrap_or(EXPIRES_IN);
        let mut claims = self.claims_of_token(issued, seconds, cx);
        match &issued.whose {
            Whose::User(account, sign_in, scopes) => {
                let opaque = OpaqueSignIn((*sign_in).clone());
                let opaque = self.sealer.seal(&opaque, &mut cx.entropy);
                claims.insert("aio".to_owned(), json!(opaque));
                claims.insert("scp".to_owned(), json!(scopes));
                let is_v1 = self.settings.issues_v1_tokens;
                let groups = &self.settings.group_claims;
                claims.extend(of_user(account, sign_in, issued.resource, (is_v1, groups)));
            }
            Whose::Application(_) => {
                claims.insert("aio".to_owned(), json!(cx.entropy.token::<48>()));
                claims.extend(of_application(issued.to));
            }
        }
        if issued.to == Client::Agent {
            claims.extend(of_agent(&issued.whose));
        }
        let fault = self.faults.next_access_token_fault();
        let mut body = bearer(seconds);
        let token = self.signed(claims, fault, "access_token", &mut body);
        (token, body)
    }

    fn claims_of_token(
        &self,
        issued: &Issued<'_>,
        seconds: u64,
        cx: &mut RequestContext<'_>,
    ) -> Map<String, Value> {
        let is_v1 = self.settings.issues_v1_tokens;
        let tenant = issued.whose.tenant();
        let (origin, mut claims) = (&self.config.origin, Map::new());
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        let audience = match issued.resource {
            Resource::Api if is_v1 => API_URI,
            resource => resource.id(),
        };
        let (issuer, application, proof) = match is_v1 {
            true => (format!("{origin}/{tenant}/"), "appid", "appidacr"),
            false => (format!("{origin}/{tenant}/v2.0"), "azp", "azpacr"),
        };
        set("iss", json!(issuer));
        let another = self.settings.access_token_audience.as_deref();
        set("aud", json!(another.unwrap_or(audience)));
        set(application, json!(issued.to.id()));
        set(proof, json!(issued.to.proof()));
        set("ver", json!(if is_v1 { "1.0" } else { "2.0" }));
        set("tid", json!(tenant));
        set("iat", json!(cx.now));
        set("nbf", json!(cx.now));
        set("exp", json!(cx.now.saturating_add(seconds)));
        set("uti", json!(cx.entropy.token::<16>()));
        if issued.takes_challenges {
            set("xms_cc", json!(["CP1"]));
        }
        claims
    }
}

/// What an access token says of an application without a user.
fn of_application(client: Client) -> Map<String, Value> {
    let object = match client {
        Client::Daemon => DAEMON_OBJECT_ID,
        // The id of an agent is that of its object, too.
        _ => client.id(),
    };
    let claims = json!({"idtyp": "app", "oid": object, "sub": object, "roles": [ROLE]});
    claims.as_object().cloned().unwrap_or_default()
}

/// What an access token says of an agent: the facets of who acts and of whom it acts for, their relation, and the blueprint.
fn of_agent(whose: &Whose<'_>) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: &str| drop(claims.insert(name.to_owned(), json!(value)));
    set("xms_act_fct", "9 3 11");
    set("xms_par_app_azp", BLUEPRINT_ID);
    match whose {
        Whose::Application(_) => {
            set("xms_sub_fct", "11 9");
            set("xms_idrel", "7 10");
        }
        Whose::User(account, ..) => {
            if account.user.oid == AGENT_USER.oid {
                set("xms_sub_fct", "13");
            }
            let is_guest = account.user.home.is_some();
            set("xms_idrel", if is_guest { "5" } else { "1" });
        }
    }
    claims
}

/// What an access token says of a user.
fn of_user(
    account: &Account,
    sign_in: &SignIn,
    resource: Resource,
    (is_v1, groups): (bool, &GroupClaims),
) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    if !sign_in.contexts.is_empty() {
        set("acrs", json!(sign_in.contexts));
    }
    set("idtyp", json!("user"));
    set("oid", json!(account.user.oid));
    set("sub", json!(subject(account.user.oid, resource.id())));
    set("name", json!(account.user.display_name));
    let username = if is_v1 { "upn" } else { "preferred_username" };
    set(username, json!(account.user.username));
    if let Some(home) = account.user.home {
        set("idp", json!(format!("https://sts.windows.net/{home}/")));
    }
    if !account.roles.is_empty() {
        set("roles", json!(account.roles));
    }
    // The address is that of an interface that is gone.
    let endpoint = format!(
        "https://graph.windows.net/{}/users/{}/getMemberObjects",
        account.user.tenant, account.user.oid
    );
    groups.add_to(&mut claims, account, &endpoint);
    claims
}
