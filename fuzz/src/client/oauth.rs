//! The client's side of OAuth: RFC 9728 and 8414 discovery, RFC 7591 registration, the
//! authorization code grant with PKCE (RFC 7636), `resource` (RFC 8707), `iss` (RFC 9207), refresh
//! and revocation (RFC 7009).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request, header};
use ring::digest;
use serde_json::{Value, json};
use url::Url;

use super::{Client, ClientError, Discovered, json as read_json, parameter, text, value};
use crate::{
    browser::Browser,
    human::{Human, Walk},
};

/// What the server said to a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The client's identifier.
    pub client_id: String,
    /// Its secret, if it asked for one.
    pub client_secret: Option<String>,
}

/// What the client holds after a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The session token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// Seconds.
    pub expires_in: u64,
    /// What was granted.
    pub scope: Option<String>,
}

/// A sign-in that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Where the user's browser is sent.
    pub url: Url,
    /// The PKCE verifier.
    pub verifier: String,
    /// The client's `state`.
    pub state: String,
}

impl Client {
    /// Finds out how to sign in, as told by the 401 of the MCP endpoint.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn discover(&mut self) -> Result<(), ClientError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.address().parse().expect("an address is a URI");
        let response = self.peer.fetch(request).await?;
        if response.status() != 401 {
            return Err(ClientError::of(&response));
        }
        let challenge = response.headers().get(header::WWW_AUTHENTICATE);
        let challenge = challenge
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let metadata = challenge
            .split_once("resource_metadata=\"")
            .and_then(|(_, rest)| rest.split('"').next())
            .ok_or(ClientError::violation("the 401 does not name the metadata"))?;
        let resource = self.get_json(metadata).await?;
        let named = text(&resource, "resource")?;
        if named != self.address() {
            return Err(ClientError::ProtocolViolation(format!(
                "the metadata is of {named}"
            )));
        }
        let issuer = resource
            .pointer("/authorization_servers/0")
            .and_then(Value::as_str)
            .ok_or(ClientError::violation("no authorization server"))?;
        let well_known = format!("{issuer}/.well-known/oauth-authorization-server");
        let server = self.get_json(&well_known).await?;
        if text(&server, "issuer")? != issuer {
            return Err(ClientError::violation("the issuer calls itself otherwise"));
        }
        self.discovered = Some(Discovered {
            resource: named,
            server,
        });
        Ok(())
    }

    /// Registers.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn register(&mut self) -> Result<(), ClientError> {
        let method = if self.is_confidential {
            "client_secret_post"
        } else {
            "none"
        };
        let body = json!({
            "client_name": self.peer.name(),
            "redirect_uris": [self.redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": method,
        });
        let mut request = self.request(Method::POST, &self.endpoint("registration_endpoint")?);
        request.headers_mut().remove(header::AUTHORIZATION);
        let content_type = value("application/json");
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        *request.body_mut() = Bytes::from(body.to_string());
        let answer = read_json(&self.peer.fetch(request).await?)?;
        self.registration = Some(Registration {
            client_id: text(&answer, "client_id")?,
            client_secret: text(&answer, "client_secret").ok(),
        });
        Ok(())
    }

    /// Prepares a sign-in: what is not known yet is found out, then the address is made.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn begin(&mut self) -> Result<Begun, ClientError> {
        if self.discovered.is_none() {
            self.discover().await?;
        }
        if self.registration.is_none() {
            self.identify().await?;
        }
        let registration = self.registration.as_ref();
        let registration = registration.ok_or(ClientError::violation("no registration"))?;
        let discovered = self.discovered.as_ref();
        let discovered = discovered.ok_or(ClientError::violation("no discovery"))?;
        let random = || self.peer.world().choose(crate::choice::Choice::material);
        let verifier = URL_SAFE_NO_PAD.encode(random());
        let state = URL_SAFE_NO_PAD.encode(random());
        let challenge = digest::digest(&digest::SHA256, verifier.as_bytes());
        let endpoint = self.endpoint("authorization_endpoint")?;
        let mut url =
            Url::parse(&endpoint).map_err(|_| ClientError::violation("the endpoint is no URL"))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &registration.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", &state)
            .append_pair("resource", &discovered.resource);
        if let Some(scope) = &self.scope {
            url.query_pairs_mut().append_pair("scope", scope);
        }
        Ok(Begun {
            url,
            verifier,
            state,
        })
    }

    /// Lets the user sign in; gives the address that the browser came back with.
    ///
    /// # Errors
    ///
    /// [`ClientError::Page`] if the user got stuck.
    pub async fn ask_user(
        &self,
        browser: &mut Browser,
        human: &Human,
        begun: &Begun,
    ) -> Result<Url, ClientError> {
        match human.walk(browser, &begun.url).await? {
            Walk::Returned(url) => Ok(url),
            Walk::Stuck(page) => Err(ClientError::Page {
                status: page.status.as_u16(),
                body: page.body,
            }),
        }
    }

    /// Judges what the browser came back with: the code, if it answers this sign-in.
    ///
    /// # Errors
    ///
    /// [`ClientError::Returned`] if it came back with an error.
    pub fn accept(&self, begun: &Begun, returned: &Url) -> Result<String, ClientError> {
        if !returned.as_str().starts_with(&self.redirect_uri) {
            return Err(ClientError::ProtocolViolation(format!(
                "came back to {returned}"
            )));
        }
        if parameter(returned, "state").as_deref() != Some(&begun.state) {
            return Err(ClientError::violation(
                "the state is not the one that was sent",
            ));
        }
        if parameter(returned, "iss") != self.endpoint("issuer").ok() {
            return Err(ClientError::violation("the answer is not of this issuer"));
        }
        if let Some(error) = parameter(returned, "error") {
            let description = parameter(returned, "error_description").unwrap_or_default();
            return Err(ClientError::Returned { error, description });
        }
        parameter(returned, "code").ok_or(ClientError::violation("neither code nor error"))
    }

    /// Redeems a code.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn redeem(&mut self, begun: &Begun, code: &str) -> Result<(), ClientError> {
        let redirect_uri = self.redirect_uri.clone();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &begun.verifier),
        ];
        self.tokens = Some(self.token_request(&fields).await?);
        Ok(())
    }

    /// Refreshes. The old tokens stay if it fails.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn refresh(&mut self) -> Result<(), ClientError> {
        let tokens = self.tokens.as_ref();
        let token = tokens.and_then(|tokens| tokens.refresh_token.clone());
        let token = token.ok_or(ClientError::violation("no refresh token"))?;
        self.tokens = Some(self.refresh_with(&token).await?);
        Ok(())
    }

    /// Refreshes with a token that the client may not be meant to have.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn refresh_with(&self, refresh_token: &str) -> Result<Tokens, ClientError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        self.token_request(&fields).await
    }

    /// Asks the token endpoint for something.
    pub(super) async fn token_request(
        &self,
        fields: &[(&str, &str)],
    ) -> Result<Tokens, ClientError> {
        read_tokens(
            &self
                .token_response(fields, &self.assertion_fields()?)
                .await?,
        )
    }

    /// The same as it is answered, with these fields by which the client proves who it is.
    async fn token_response(
        &self,
        fields: &[(&str, &str)],
        proof: &[(&str, String)],
    ) -> Result<http::Response<Bytes>, ClientError> {
        let endpoint = self.endpoint("token_endpoint")?;
        let resource = self.discovered.as_ref();
        let resource = resource
            .map(|found| found.resource.clone())
            .unwrap_or_default();
        let mut all = fields.to_vec();
        all.extend(proof.iter().map(|(name, value)| (*name, value.as_str())));
        all.push(("resource", &resource));
        self.post_form(&endpoint, &all).await
    }

    /// Refreshes, and sends the very same request once more.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn refresh_by_one_request_twice(&mut self) -> Result<(), ClientError> {
        let tokens = self.tokens.as_ref();
        let token = tokens.and_then(|tokens| tokens.refresh_token.clone());
        let token = token.ok_or(ClientError::violation("no refresh token"))?;
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token.as_str()),
        ];
        let proof = self.assertion_fields()?;
        let first = self.token_response(&fields, &proof).await;
        let again = self.token_response(&fields, &proof).await?;
        self.tokens = Some(read_tokens(&first?).or_else(|_| read_tokens(&again))?);
        Ok(())
    }

    /// Posts a form with the client's identifier and secret.
    ///
    /// # Errors
    ///
    /// [`ClientError::Broken`].
    pub async fn post_form(
        &self,
        url: &str,
        fields: &[(&str, &str)],
    ) -> Result<http::Response<Bytes>, ClientError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        if let Some(registration) = &self.registration {
            form.append_pair("client_id", &registration.client_id);
            if let Some(secret) = &registration.client_secret {
                form.append_pair("client_secret", secret);
            }
        }
        let mut request = self.request(Method::POST, url);
        let headers = request.headers_mut();
        headers.remove(header::AUTHORIZATION);
        let content_type = value("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, content_type);
        *request.body_mut() = Bytes::from(form.finish());
        Ok(self.peer.fetch(request).await?)
    }

    /// Revokes a token.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn revoke(&self, token: &str) -> Result<(), ClientError> {
        let endpoint = self.endpoint("revocation_endpoint")?;
        let response = self.post_form(&endpoint, &[("token", token)]).await?;
        if response.status() == 200 {
            Ok(())
        } else {
            Err(ClientError::of(&response))
        }
    }
}

/// The tokens of a good answer.
fn read_tokens(response: &http::Response<Bytes>) -> Result<Tokens, ClientError> {
    let answer = read_json(response)?;
    if text(&answer, "token_type")? != "Bearer" {
        return Err(ClientError::violation("the token is of another type"));
    }
    Ok(Tokens {
        access_token: text(&answer, "access_token")?,
        refresh_token: text(&answer, "refresh_token").ok(),
        expires_in: answer
            .get("expires_in")
            .and_then(Value::as_u64)
            .unwrap_or_default(),
        scope: text(&answer, "scope").ok(),
    })
}
