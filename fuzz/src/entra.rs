//! Entra ID and Microsoft Graph: the development tenant as a peer on the network.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use entra_mcp_core::{
    entropy::Seed,
    secret::Secret,
    time::{Now, UnixTime},
};
use entra_mcp_dev_tenant::{
    self as dev_tenant, Control, DevTenant, DevTenantConfig, GraphError, IdTokenFault, Reply,
    SignInAudience, TokenError,
};
use http::{Request, Response, StatusCode};
use serde_json::Value;

use crate::{
    clock::SimInstant,
    ids::{ENTRA_ORIGIN, ExchangeRef},
    observation::Observation,
    options::Options,
    unkindness::Unkindness,
    world::State,
};

/// The application that the server is in the tenant.
#[derive(Clone, Debug)]
pub struct App {
    /// The tenant's id.
    pub tenant_id: String,
    /// The application's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// The accounts of the tenant that a run uses.
#[derive(Clone, Copy, Debug)]
pub struct Accounts {
    /// Users who can sign in.
    pub users: &'static [&'static str],
    /// The account of every attacker.
    pub attacker: &'static str,
}

/// Every fault that an ID token may have.
pub const ID_TOKEN_FAULTS: [IdTokenFault; 14] = [
    IdTokenFault::Audience,
    IdTokenFault::Issuer,
    IdTokenFault::Tenant,
    IdTokenFault::TenantId,
    IdTokenFault::PersonalAccount,
    IdTokenFault::Nonce,
    IdTokenFault::NoNonce,
    IdTokenFault::Expired,
    IdTokenFault::NotYetValid,
    IdTokenFault::NoObjectId,
    IdTokenFault::Unsigned,
    IdTokenFault::SymmetricAlgorithm,
    IdTokenFault::UnknownKey,
    IdTokenFault::WrongSignature,
];

/// What Graph wants of a token: that it is of after the last revocation.
pub const CLAIMS: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;

/// Entra and Graph.
#[derive(Debug)]
pub struct Entra {
    tenant: DevTenant,
    has_several_tenants: bool,
    is_down: bool,
    /// How the next ID tokens are spoiled.
    spoiled_tokens: VecDeque<IdTokenFault>,
    /// How the ID token of the last answer was.
    spoiled: Option<IdTokenFault>,
    /// What is answered at a path that ends so, instead of what would be.
    scripted: Option<ScriptedResponse>,
}

/// A path's end, a status and a body.
pub type ScriptedResponse = (&'static str, u16, Bytes);

impl Entra {
    pub(crate) fn new(options: &Options, seed: &Seed) -> Self {
        let public_url = &options.public_url;
        let config = DevTenantConfig {
            origin: ENTRA_ORIGIN.to_owned(),
            redirect_uris: vec![format!("{public_url}/auth/callback")],
        };
        let has_several_tenants = options.has(Unkindness::SeveralTenants);
        let mut entra = Self {
            tenant: DevTenant::new(config, seed),
            has_several_tenants,
            is_down: false,
            spoiled_tokens: VecDeque::new(),
            spoiled: None,
            scripted: None,
        };
        entra.set_audience();
        entra
    }

    /// The application is for users of several organizations, if this world has them.
    fn set_audience(&mut self) {
        if self.has_several_tenants {
            let audience = SignInAudience::MultipleOrgs;
            self.control(Control::SignInAudience { audience }, UnixTime(0));
        }
    }

    /// The server's application.
    #[must_use]
    pub fn app() -> App {
        App {
            tenant_id: dev_tenant::TENANT_ID.to_owned(),
            client_id: dev_tenant::CLIENT_ID.to_owned(),
            client_secret: dev_tenant::CLIENT_SECRET.to_owned(),
        }
    }

    /// The accounts where users of several organizations may come in.
    #[must_use]
    pub fn accounts_of_several() -> Accounts {
        Accounts {
            users: &[
                "alice@contoso.example",
                "olivia@fabrikam.example",
                "bob@contoso.example",
            ],
            ..Self::accounts()
        }
    }

    /// The accounts of the tenant.
    #[must_use]
    pub fn accounts() -> Accounts {
        Accounts {
            users: &[
                "alice@contoso.example",
                "bob@contoso.example",
                "carol@contoso.example",
            ],
            // She has the same mail address as Alice, which must not matter.
            attacker: "grace@contoso.example",
        }
    }

    pub(crate) fn serves(&self, origin: &str) -> bool {
        origin == ENTRA_ORIGIN && !self.is_down
    }

    pub(crate) fn is_down(&self) -> bool {
        self.is_down
    }

    /// Nobody can reach Entra and Graph, or everybody again.
    pub fn set_down(&mut self, is_down: bool) {
        self.is_down = is_down;
    }

    /// Tells the tenant what to do wrong, at a time of the world.
    ///
    /// # Panics
    ///
    /// If it names nobody of the tenant.
    pub fn control(&mut self, control: Control, now: UnixTime) {
        if let Control::IdTokenFault { fault } = &control {
            self.spoiled_tokens.push_back(*fault);
        }
        let done = self.tenant.control(control, now);
        done.expect("the control names somebody");
    }

    /// Graph refuses so many of its next requests.
    pub fn fail_graph(&mut self, status: u16, retry_after: Option<u64>, times: u32) {
        let error = GraphError {
            status,
            retry_after,
            times,
            ..GraphError::default()
        };
        self.control(Control::GraphError(error), UnixTime(0));
    }

    /// Graph wants claims of so many of its next requests.
    pub fn challenge(&mut self, times: u32) {
        let error = GraphError {
            status: 401,
            claims: Some(CLAIMS.to_owned()),
            times,
            ..GraphError::default()
        };
        self.control(Control::GraphError(error), UnixTime(0));
    }

    /// The token endpoint answers its next request with a gateway's page of this status.
    pub fn fail_token(&mut self, status: u16) {
        let error = TokenError {
            status: Some(status),
            is_html: true,
            ..TokenError::default()
        };
        self.control(Control::TokenError(error), UnixTime(0));
    }

    /// The token endpoint refuses its next request with this `AADSTS` number.
    pub fn refuse_token(&mut self, code: u32) {
        let error = TokenError {
            code,
            ..TokenError::default()
        };
        self.control(Control::TokenError(error), UnixTime(0));
    }

    /// Answers something else at one path from now on; nothing else, if there is nothing to say.
    pub fn script_response(&mut self, scripted: Option<ScriptedResponse>) {
        self.scripted = scripted;
    }

    /// Spoils the next ID token.
    pub fn spoil_id_token(&mut self, fault: IdTokenFault) {
        self.control(Control::IdTokenFault { fault }, UnixTime(0));
    }

    /// Nothing that was ordered goes wrong any more.
    pub fn recover(&mut self) {
        self.is_down = false;
        self.scripted = None;
        self.spoiled_tokens.clear();
        self.control(Control::Reset, UnixTime(0));
        self.set_audience();
    }

    fn ask(
        &mut self,
        request: &Request<Bytes>,
        now: Now,
        seed: &Seed,
    ) -> (Duration, Response<Bytes>) {
        if let Some((end, status, body)) = &self.scripted
            && request.uri().path().ends_with(end)
        {
            let mut response = Response::new(body.clone());
            *response.status_mut() = StatusCode::from_u16(*status).expect("a status");
            return (Duration::ZERO, response);
        }
        let mut after = Duration::ZERO;
        let mut reply = self.tenant.handle(request, now, seed);
        let response = loop {
            reply = match reply {
                Reply::Respond(response) => break response,
                Reply::Sign(unsigned) => {
                    let signature = sign(unsigned.key_pkcs8(), unsigned.message());
                    unsigned.signed(&signature)
                }
                Reply::Later(wait, inner) => {
                    after += wait;
                    *inner
                }
            };
        };
        let name = b"\"id_token\":";
        let mut places = response.body().windows(name.len());
        if places.any(|place| place == name) {
            self.spoiled = self.spoiled_tokens.pop_front();
        }
        (after, response)
    }
}

impl State {
    /// The federated token of the server's application: a token of the managed identity.
    pub(crate) fn federated_token(&mut self) -> Option<Secret<String>> {
        let uri = "/metadata/identity/oauth2/token?resource=api%3A%2F%2FAzureADTokenExchange";
        let request = Request::get(format!("{ENTRA_ORIGIN}{uri}"))
            .header("metadata", "true")
            .body(Bytes::new())
            .expect("a good request");
        let seed = Seed::new(self.choice.material());
        let now = crate::clock::read(self.moment, SimInstant::default(), 0);
        let (_, response) = self.entra.ask(&request, now, &seed);
        let body: Value = serde_json::from_slice(response.body()).ok()?;
        let token = body.get("access_token")?.as_str()?;
        Some(Secret::new(token.to_owned()))
    }

    /// What Entra or Graph answers, and how long it takes over it.
    pub(crate) fn entra_answers(
        &mut self,
        who: Option<ExchangeRef>,
        request: &Request<Bytes>,
    ) -> (Duration, Response<Bytes>) {
        let line = format!("= {} {}", request.method(), request.uri().path());
        self.note("entra", &line);
        let seed = Seed::new(self.choice.material());
        let now = crate::clock::read(self.moment, SimInstant::default(), 0);
        let (after, response) = self.entra.ask(request, now, &seed);
        let spoiled = self.entra.spoiled.take();
        self.see(&Observation::UpstreamReplied {
            who,
            request,
            response: &response,
            spoiled,
        });
        (after, response)
    }
}

/// RS256, as a runtime does it for the dev tenant.
fn sign(key_pkcs8: &[u8], message: &[u8]) -> Vec<u8> {
    let key = ring::signature::RsaKeyPair::from_pkcs8(key_pkcs8).expect("a good key");
    let mut signature = vec![0; key.public().modulus_len()];
    // This padding draws no random number, so the signature follows from the message.
    let random = ring::rand::SystemRandom::new();
    key.sign(
        &ring::signature::RSA_PKCS1_SHA256,
        &random,
        message,
        &mut signature,
    )
    .expect("a key can sign");
    signature
}
