//! The client's side of device authorization (RFC 8628): a code to show, and polls.

use serde_json::Value;

use super::{Client, ClientError, Tokens, json as read_json, text};

/// What a device was given (RFC 8628 section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCodes {
    /// What the device redeems.
    pub device_code: String,
    /// What its user types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// How many seconds it waits between two polls.
    pub interval: u64,
}

/// What a poll gave (RFC 8628 section 3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// The tokens.
    Tokens(Tokens),
    /// The user has not decided yet.
    Pending,
    /// The same, and it was too early.
    SlowDown,
    /// The user said no.
    Denied,
    /// The codes are worth nothing any more.
    Over,
}

impl Client {
    /// Asks for a device code and a user code; what is not known yet is found out first.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn begin_device(&mut self) -> Result<DeviceCodes, ClientError> {
        if self.discovered.is_none() {
            self.discover().await?;
        }
        if self.registration.is_none() {
            self.identify().await?;
        }
        let endpoint = self.endpoint("device_authorization_endpoint")?;
        let resource = self.address();
        // Of several endpoints one has to be named (RFC 8707).
        let fields = self.endpoint.map(|_| ("resource", resource.as_str()));
        let fields: Vec<_> = fields.into_iter().collect();
        let answer = read_json(&self.post_form(&endpoint, &fields).await?)?;
        Ok(DeviceCodes {
            device_code: text(&answer, "device_code")?,
            user_code: text(&answer, "user_code")?,
            verification_uri: text(&answer, "verification_uri")?,
            interval: answer.get("interval").and_then(Value::as_u64).unwrap_or(5),
        })
    }

    /// Asks whether the user has decided.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn poll_device(&self, device_code: &str) -> Result<Polled, ClientError> {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", device_code),
        ];
        let error = match self.token_request(&fields).await {
            Ok(tokens) => return Ok(Polled::Tokens(tokens)),
            Err(error) => error,
        };
        match error.error() {
            Some("authorization_pending") => Ok(Polled::Pending),
            Some("slow_down") => Ok(Polled::SlowDown),
            Some("access_denied") => Ok(Polled::Denied),
            Some("expired_token") => Ok(Polled::Over),
            _ => Err(error),
        }
    }
}
