//! Device code: a device shows a code, its user enters it in a browser somewhere and signs in there, while the device asks for
//! its tokens.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 device authorization grant flow"; RFC 8628.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    AGENT_USER, DevTenant,
    aadsts_error::{self, AadstsError},
    authorization_request::declares_cp1,
    client::Client,
    issue::unconsented,
    metadata::Tenant,
    pages,
    request_context::RequestContext,
    sealed::{Sealed, SignIn, Wanted},
    token::Grant,
};

/// How long a code is good for, in seconds.
const SECONDS: u64 = 900;

/// How often a device asks, in seconds.
const INTERVAL: u64 = 5;

/// How many devices may wait.
const DEVICES: usize = 256;

/// What a code is made of: nothing that is read for something else.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A device that waits.
#[derive(Clone, Debug)]
struct Device {
    /// What the device has, and its user does not see.
    device_code: String,
    client: Client,
    authority: Tenant,
    scope: String,
    takes_challenges: bool,
    expires: u64,
    decision: Decision,
}

#[derive(Clone, Debug)]
enum Decision {
    Pending,
    Declined,
    Approved(Box<SignIn>),
}

/// The devices, by the codes that they show.
#[derive(Clone, Debug, Default)]
pub(super) struct Devices(BTreeMap<String, Device>);

/// The code that was entered, in a hidden field of the pages, and who signed in.
#[derive(Debug, Serialize, Deserialize)]
struct Entered {
    user_code: String,
    sign_in: Option<SignIn>,
}

impl Sealed for Entered {
    const PREFIX: &'static str = "0.D";
}

impl DevTenant {
    /// `POST /{tenant}/oauth2/v2.0/devicecode`
    pub(super) fn device_code(
        &mut self,
        tenant: &str,
        cx: &mut RequestContext<'_>,
    ) -> Response<Bytes> {
        let (user_code, device_code) = match self.begin(tenant, cx) {
            Ok(begun) => begun,
            Err(error) => return error.json(cx, &self.config.origin),
        };
        let page = format!("{}/devicelogin", self.config.origin);
        let message = format!(
            "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
        );
        let body = json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": page,
            "expires_in": SECONDS,
            "interval": INTERVAL,
            "message": message,
        });
        aadsts_error::json_response(StatusCode::OK, &body)
    }

    fn begin(
        &mut self,
        tenant: &str,
        cx: &mut RequestContext<'_>,
    ) -> Result<(String, String), AadstsError> {
        let one = |name: &str| cx.form.one(name).ok().flatten();
        let authority = Tenant::parse(tenant)
            .ok_or_else(|| AadstsError::no_tenant("invalid_request", tenant))?;
        let client = Client::of(cx)?;
        self.check_authority(authority)?;
        if !client.has_users() {
            return Err(AadstsError::unknown_client(client.id()));
        }
        let scope = one("scope").ok_or_else(|| AadstsError::missing("scope"))?;
        self.scopes_for(client, scope)?;
        let device = Device {
            device_code: format!("GAQABAAEAAAD{}", cx.entropy.token::<32>()),
            client,
            authority,
            scope: scope.to_owned(),
            takes_challenges: one("claims").is_some_and(declares_cp1),
            expires: cx.now.saturating_add(SECONDS),
            decision: Decision::Pending,
        };
        let device_code = device.device_code.clone();
        let letters = cx.entropy.bytes::<9>();
        let letters = letters.iter().map(|byte| {
            let letter = LETTERS.get(usize::from(*byte) % LETTERS.len());
            char::from(*letter.unwrap_or(&b'B'))
        });
        let user_code: String = letters.collect();
        let devices = &mut self.devices.0;
        devices.retain(|_, device| device.expires > cx.now);
        if devices.len() >= DEVICES {
            devices.pop_first();
        }
        devices.insert(user_code.clone(), device);
        Ok((user_code, device_code))
    }

    /// A device asks whether its user has signed in.
    pub(super) fn redeem_device_code(
        &mut self,
        client: Client,
        device_code: &str,
        cx: &RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        let refuse = |error: &str, code, text: &str| Err(AadstsError::new(error, code, text));
        let mut devices = self.devices.0.iter();
        let found = devices
            .find(|(_, device)| device.device_code == device_code && device.client == client);
        let Some((user_code, device)) = found.map(|(code, device)| (code.clone(), device.clone()))
        else {
            let text = "The device code is not valid.";
            return refuse("bad_verification_code", 70_018, text);
        };
        if cx.now >= device.expires {
            let text = "The provided device_code has expired.";
            return refuse("expired_token", 70_020, text);
        }
        match device.decision {
            Decision::Pending => {
                let text =
                    "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                refuse("authorization_pending", 70_016, text)
            }
            Decision::Declined => {
                self.devices.0.remove(&user_code);
                let text = "OAuth 2.0 device flow error. The user declined to sign in.";
                refuse("authorization_declined", 70_000, text)
            }
            Decision::Approved(sign_in) => {
                self.devices.0.remove(&user_code);
                Ok(Grant {
                    scope: device.scope,
                    takes_challenges: device.takes_challenges,
                    ..Grant::of(client, *sign_in)
                })
            }
        }
    }

    /// `GET /devicelogin`, and `POST`: the code, who signs in, what the client may.
    pub(super) fn device_login(&mut self, cx: &mut RequestContext<'_>) -> Response<Bytes> {
        if cx.is_cross_site() {
            return pages::forbidden();
        }
        let one = |name| cx.form.one(name).ok().flatten();
        if let Some(sealed) = one("ctx") {
            return match self.sealer.open::<Entered>(sealed) {
                Some(entered) => self.device_decided(entered, cx),
                None => pages::stale(),
            };
        }
        let Some(code) = one("user_code") else {
            return pages::device_code(false);
        };
        let code = code.replace(['-', ' '], "").to_ascii_uppercase();
        let Some(device) = self.waiting(&code, cx.now) else {
            return pages::device_code(true);
        };
        let authority = device.authority;
        let users = self.directory.all().iter().map(|account| account.user);
        let users: Vec<_> = users
            .filter(|user| authority.admits(user) && user.oid != AGENT_USER.oid)
            .collect();
        let entered = Entered {
            user_code: code,
            sign_in: None,
        };
        let sealed = self.sealer.seal(&entered, &mut cx.entropy);
        pages::device_sign_in(&users, &sealed)
    }

    /// The device of a code, while its user has decided nothing.
    fn waiting(&mut self, code: &str, now: u64) -> Option<&mut Device> {
        let device = self.devices.0.get_mut(code)?;
        let is_pending = matches!(device.decision, Decision::Pending);
        (is_pending && now < device.expires).then_some(device)
    }

    fn device_decided(
        &mut self,
        mut entered: Entered,
        cx: &mut RequestContext<'_>,
    ) -> Response<Bytes> {
        let one = |name: &str| cx.form.one(name).ok().flatten();
        let (action, username) = (one("action"), one("username").map(str::to_owned));
        let Some(device) = self.waiting(&entered.user_code, cx.now) else {
            return pages::stale();
        };
        if action == Some("cancel") {
            device.decision = Decision::Declined;
            return pages::device_done(false);
        }
        let has_accepted = action == Some("accept") && entered.sign_in.is_some();
        let (client, authority, scope) = (device.client, device.authority, device.scope.clone());
        let oid = entered.sign_in.as_ref().map(|sign_in| sign_in.oid.clone());
        let account = match (oid, username) {
            (Some(oid), _) => self.directory.by_oid_mut(&oid),
            (None, Some(name)) => self.directory.by_username_mut(&name),
            (None, None) => None,
        };
        let Some(account) = account.filter(|account| authority.admits(account.user)) else {
            return pages::stale();
        };
        let sign_in = entered
            .sign_in
            .take()
            .unwrap_or_else(|| SignIn::now(account, Wanted::default(), cx));
        if let Err(error) = super::token::check_account(account, &sign_in) {
            return pages::error(StatusCode::OK, &error, cx, None);
        }
        let account = account.clone();
        let Ok(scopes) = self.scopes_for(client, &scope) else {
            return pages::stale();
        };
        let missing = unconsented(client, &scopes, &account);
        if missing.iter().any(|permission| permission.is_admins) {
            let error = AadstsError::needs_administrator();
            return pages::error(StatusCode::OK, &error, cx, None);
        }
        if !missing.is_empty() && !has_accepted {
            entered.sign_in = Some(sign_in);
            let sealed = self.sealer.seal(&entered, &mut cx.entropy);
            return pages::device_consent(account.user, &missing, &sealed);
        }
        if let Some(account) = self.directory.by_oid_mut(account.user.oid) {
            let names = missing.iter().map(|permission| permission.name);
            account.consented.extend(names);
        }
        if let Some(device) = self.waiting(&entered.user_code, cx.now) {
            device.decision = Decision::Approved(Box::new(sign_in));
        }
        pages::device_done(true)
    }
}
