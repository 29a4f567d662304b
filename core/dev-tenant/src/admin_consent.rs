//! `GET /{tenant}/v2.0/adminconsent`: an administrator lets the application in for everybody in their organization.
//!
//! Source: Microsoft identity platform, "Admin consent on the Microsoft identity platform". The answer has
//! `admin_consent=True` in errors, too.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::{
    CLIENT_ID, DevTenant,
    aadsts_error::AadstsError,
    authorization_request::RedirectTarget,
    authorize::{DIALOG_SECONDS, declined},
    client::Client,
    metadata::Tenant,
    pages,
    request_context::RequestContext,
    response_mode::{self, ResponseMode},
    sealed::Sealed,
};

/// What an administrator is asked, in a hidden field of the page.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    redirect: RedirectTarget,
    /// The tenant, as in the address.
    authority: String,
    scope: String,
    began: u64,
}

impl Sealed for Asked {
    const PREFIX: &'static str = "0.A";
}

impl DevTenant {
    /// Asks who they are.
    pub(super) fn ask_administrator(
        &self,
        tenant: &str,
        cx: &mut RequestContext<'_>,
    ) -> Response<Bytes> {
        let asked = match self.read_admin_consent(tenant, cx) {
            Ok(asked) => asked,
            Err(error) => return pages::error(StatusCode::BAD_REQUEST, &error, cx, None),
        };
        let authority = Tenant::parse(&asked.authority).unwrap_or(Tenant::HOME);
        let all = self.directory.all().iter().map(|account| account.user);
        let administrators: Vec<_> = all
            .filter(|user| user.is_administrator && authority.admits(user))
            .collect();
        let sealed = self.sealer.seal(&asked, &mut cx.entropy);
        pages::admin_consent(&administrators, &sealed)
    }

    fn read_admin_consent(
        &self,
        tenant: &str,
        cx: &RequestContext<'_>,
    ) -> Result<Asked, AadstsError> {
        let one = |name: &str| cx.query.one(name).ok().flatten();
        let needed = |name: &str| one(name).ok_or_else(|| AadstsError::missing(name));
        let authority = Tenant::parse(tenant)
            .ok_or_else(|| AadstsError::no_tenant("invalid_request", tenant))?;
        let client_id = needed("client_id")?;
        if !client_id.eq_ignore_ascii_case(CLIENT_ID) {
            return Err(AadstsError::unknown_client(client_id));
        }
        let redirect_uri = needed("redirect_uri")?;
        if !self.is_registered(Client::Application, redirect_uri) {
            let text = format!(
                "The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs configured for \
                 the application '{CLIENT_ID}'."
            );
            return Err(AadstsError::new("invalid_request", 50_011, text));
        }
        if authority != Tenant::HOME && !self.is_for_several() {
            return Err(AadstsError::single_tenant());
        }
        Ok(Asked {
            redirect: RedirectTarget {
                redirect_uri: redirect_uri.to_owned(),
                mode: ResponseMode::Query,
                state: one("state").map(str::to_owned),
            },
            authority: authority.segment().to_owned(),
            scope: needed("scope")?.to_owned(),
            began: cx.now,
        })
    }

    /// `POST /{tenant}/adminconsent`: somebody has decided.
    pub(super) fn administrator_decided(&mut self, cx: &RequestContext<'_>) -> Response<Bytes> {
        let one = |name| cx.form.one(name).ok().flatten();
        let asked = one("ctx").and_then(|sealed| self.sealer.open::<Asked>(sealed));
        let asked = match asked {
            _ if cx.is_cross_site() => return pages::forbidden(),
            Some(asked) if cx.now <= asked.began.saturating_add(DIALOG_SECONDS) => asked,
            _ => return pages::stale(),
        };
        let state = asked.redirect.state.clone().map(|state| ("state", state));
        let given = ("admin_consent", "True".to_owned());
        let parameters: Vec<_> = if one("action") == Some("cancel") {
            let mut parameters = declined().parameters(cx, &self.config.origin);
            parameters.push(given);
            parameters.into_iter().chain(state).collect()
        } else {
            let account = one("username").and_then(|name| self.directory.by_username(name));
            let authority = Tenant::parse(&asked.authority).unwrap_or(Tenant::HOME);
            let Some(account) = account.filter(|account| authority.admits(account.user)) else {
                return pages::stale();
            };
            if !account.user.is_administrator {
                let error = AadstsError::needs_administrator();
                return pages::error(StatusCode::OK, &error, cx, None);
            }
            let tenant = account.user.tenant;
            self.install(tenant);
            let of_tenant = ("tenant", tenant.to_owned());
            let of_scope = ("scope", asked.scope);
            [given, of_tenant, of_scope]
                .into_iter()
                .chain(state)
                .collect()
        };
        response_mode::answer(&asked.redirect, &parameters)
    }
}
