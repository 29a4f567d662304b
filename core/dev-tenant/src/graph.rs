//! The stand-in for Microsoft Graph: `/v1.0/me`, the groups of the user, and OpenID Connect's user info.
//!
//! Source: Microsoft Graph v1.0, "Get a user", "Microsoft Graph error responses and resource types";
//! Microsoft identity platform, "UserInfo endpoint", "Claims challenges, claims requests, and client
//! capabilities".

use bytes::Bytes;
use entra_mcp_wire::response;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{
    DevTenant,
    graph_error::GraphErrorResponse,
    organizations::Organization,
    request_context::RequestContext,
    sealed::AccessToken,
    token,
    users::{Account, AccountStatus, TestUser},
};

/// What `/me` returns if nothing is selected, in Graph's order.
const DEFAULT: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

/// What can be selected besides.
const MORE: [&str; 5] = [
    "accountEnabled",
    "companyName",
    "department",
    "mailNickname",
    "userType",
];

/// "List authenticationContextClassReferences".
const CONTEXTS_PATH: &str = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences";

impl DevTenant {
    /// Everything under `/v1.0/`.
    pub(super) fn graph(&mut self, cx: &RequestContext<'_>) -> Response<Bytes> {
        if cx.method == Method::POST && cx.path == "/v1.0/$batch" {
            return self.batch(cx);
        }
        let fault = self.faults.next_graph_fault();
        let fault = fault.or_else(|| self.check_mailbox_concurrency(cx).err());
        let routed = self.route_of_graph(cx);
        let answer = match (fault, routed) {
            (Some(fault), _) => Err(fault),
            (None, Some(answer)) => answer,
            (None, None) if cx.path == "/v1.0/me/getMemberObjects" => self.member_objects(cx),
            (None, None) if cx.path == "/v1.0/me/checkMemberObjects" => self.check_members(cx),
            (None, None) if cx.path == CONTEXTS_PATH => self.contexts(cx),
            (None, None) => self.content_of_graph(cx).unwrap_or_else(|| self.me(cx)),
        };
        answer.unwrap_or_else(|error| error.answer(cx, &self.config.origin))
    }

    /// The authentication contexts of the tenant.
    fn contexts(&self, cx: &RequestContext<'_>) -> Result<Response<Bytes>, GraphErrorResponse> {
        let token = self.access(cx)?;
        require(&token, "Policy.Read.ConditionalAccess")?;
        let context = |id: &str, name: &str| json!({"id": id, "displayName": name, "description": "", "isAvailable": true});
        let contexts = [
            context("c1", "A second factor"),
            context("c2", "A company device"),
        ];
        Ok(response::json(StatusCode::OK, &json!({"value": contexts})))
    }

    fn me(&self, cx: &RequestContext<'_>) -> Result<Response<Bytes>, GraphErrorResponse> {
        let token = self.access(cx)?;
        let path = cx.path.trim_start_matches("/v1.0/").trim_end_matches('/');
        if path != "me" {
            let last = path.rsplit('/').next().unwrap_or_default();
            let message = format!("Resource not found for the segment '{last}'.");
            return Err(GraphErrorResponse::new(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                &message,
            ));
        }
        if cx.method != Method::GET {
            let message = "Specified HTTP method is not allowed for the request target.";
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Err(GraphErrorResponse::new(
                status,
                "Request_BadRequest",
                message,
            ));
        }
        let account = self.person_of(&token)?;
        require(&token, "User.Read")?;
        let selected = selected(cx)?;
        let origin = &self.config.origin;
        let context = match &selected {
            None => format!("{origin}/v1.0/$metadata#users/$entity"),
            Some(names) => format!("{origin}/v1.0/$metadata#users({})/$entity", names.join(",")),
        };
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), json!(context));
        for name in selected.as_deref().unwrap_or(&DEFAULT) {
            body.insert((*name).to_owned(), property(account, name));
        }
        Ok(found(&Value::Object(body)))
    }

    /// `POST /v1.0/me/getMemberObjects`: the ids of the groups that the user is in.
    fn member_objects(
        &self,
        cx: &RequestContext<'_>,
    ) -> Result<Response<Bytes>, GraphErrorResponse> {
        let token = self.access(cx)?;
        let body = serde_json::from_slice::<Value>(cx.body).unwrap_or_default();
        if cx.method != Method::POST
            || !body
                .get("securityEnabledOnly")
                .is_some_and(Value::is_boolean)
        {
            let message =
                "A value without a type name was found and no expected type is available.";
            let status = StatusCode::BAD_REQUEST;
            return Err(GraphErrorResponse::new(status, "BadRequest", message));
        }
        let account = self.person_of(&token)?;
        require(&token, "User.Read")?;
        let context = format!(
            "{}/v1.0/$metadata#Collection(Edm.String)",
            self.config.origin
        );
        Ok(found(
            &json!({"@odata.context": context, "value": account.groups}),
        ))
    }

    /// `POST /v1.0/me/checkMemberObjects`: which of these, twenty at most, the user is in.
    fn check_members(
        &self,
        cx: &RequestContext<'_>,
    ) -> Result<Response<Bytes>, GraphErrorResponse> {
        let token = self.access(cx)?;
        let body = serde_json::from_slice::<Value>(cx.body).unwrap_or_default();
        let ids = body.get("ids").and_then(Value::as_array);
        let Some(ids) = ids.filter(|ids| cx.method == Method::POST && ids.len() <= 20) else {
            let message = "ids must be a collection of at most 20.";
            let status = StatusCode::BAD_REQUEST;
            return Err(GraphErrorResponse::new(status, "BadRequest", message));
        };
        let account = self.person_of(&token)?;
        require(&token, "User.Read")?;
        let is_in = |id: &&Value| {
            account
                .groups
                .iter()
                .any(|group| Some(group.as_str()) == id.as_str())
        };
        let own: Vec<_> = ids.iter().filter(is_in).collect();
        Ok(found(&json!({"value": own})))
    }

    /// `GET` and `POST /oidc/userinfo`
    pub(super) fn user_info(&self, cx: &RequestContext<'_>) -> Response<Bytes> {
        let answer = || {
            let token = self.access(cx)?;
            let account = self.person_of(&token)?;
            require(&token, "openid")?;
            Ok(user_info_of(account.user, &self.config.origin))
        };
        answer().unwrap_or_else(|error: GraphErrorResponse| error.answer(cx, &self.config.origin))
    }

    /// The access token of a request, if it is good.
    pub(super) fn access(
        &self,
        cx: &RequestContext<'_>,
    ) -> Result<AccessToken, GraphErrorResponse> {
        let value = cx.header(header::AUTHORIZATION.as_str());
        let (scheme, presented) = value.split_once(' ').unwrap_or((value, ""));
        let presented = presented.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || presented.is_empty() {
            return Err(GraphErrorResponse::token("Access token is empty."));
        }
        let token = self.sealer.open::<AccessToken>(presented).ok_or_else(|| {
            GraphErrorResponse::token("IDX14100: JWT is not well formed, there are no dots (.).")
        })?;
        if cx.now >= token.expires {
            let message = "Lifetime validation failed, the token is expired.";
            return Err(GraphErrorResponse::token(message));
        }
        Ok(token)
    }

    /// Whose token it is. Revocation reaches only clients that can take a claims challenge
    /// (continuous access evaluation); others keep their access until the token expires.
    pub(super) fn person_of(&self, token: &AccessToken) -> Result<&Account, GraphErrorResponse> {
        let Some(sign_in) = &token.user else {
            let message = "/me request is only valid with delegated authentication flow.";
            return Err(GraphErrorResponse::new(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                message,
            ));
        };
        let account = self.directory.by_oid(&sign_in.oid).ok_or_else(|| {
            GraphErrorResponse::token("The user account does not exist in this tenant.")
        })?;
        let is_void = sign_in.epoch < account.epoch || account.status == AccountStatus::Disabled;
        if is_void && token.takes_challenges {
            let message = "Continuous access evaluation resulted in challenge with result: \
                           InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp";
            let claims = json!({"access_token": {"nbf": {
                "essential": true,
                "value": account.valid_from.max(token.issued).to_string(),
            }}});
            return Err(GraphErrorResponse::challenge(message, &claims));
        }
        // Graph asks only who can answer.
        if let Some(context) = &account.graph_context
            && token.takes_challenges
            && !sign_in.contexts.contains(context)
        {
            let message = "The user must satisfy an authentication context.";
            let acrs = json!({"essential": true, "value": context});
            let claims = json!({"access_token": {"acrs": acrs}});
            return Err(GraphErrorResponse::challenge(message, &claims));
        }
        Ok(account)
    }
}

pub(super) fn require(token: &AccessToken, scope: &str) -> Result<(), GraphErrorResponse> {
    if token.scopes.iter().any(|name| name == scope) {
        return Ok(());
    }
    let message = "Insufficient privileges to complete the operation.";
    let code = "Authorization_RequestDenied";
    Err(GraphErrorResponse::new(
        StatusCode::FORBIDDEN,
        code,
        message,
    ))
}

/// The properties of `$select`, by their right names.
fn selected(cx: &RequestContext<'_>) -> Result<Option<Vec<&'static str>>, GraphErrorResponse> {
    let Some(list) = cx.query.all("$select").next() else {
        return Ok(None);
    };
    let names = list.split(',').map(|asked| {
        let asked = asked.trim();
        let mut known = DEFAULT.iter().chain(&MORE);
        let name = known.find(|name| name.eq_ignore_ascii_case(asked));
        name.copied().ok_or_else(|| {
            let message = format!(
                "Parsing OData Select and Expand failed: Could not find a property named \
                 '{asked}' on type 'microsoft.graph.user'."
            );
            GraphErrorResponse::new(StatusCode::BAD_REQUEST, "BadRequest", &message)
        })
    });
    names.collect::<Result<Vec<_>, _>>().map(Some)
}

fn property(account: &Account, name: &str) -> Value {
    let user = account.user;
    match name {
        "id" => json!(user.oid),
        "displayName" => json!(user.display_name),
        "givenName" => json!(user.given_name),
        "surname" => json!(user.surname),
        "mail" => json!(user.mail),
        "userPrincipalName" => json!(user.username),
        "jobTitle" => json!(user.job_title),
        "officeLocation" => json!(user.office_location),
        "businessPhones" => json!(user.business_phone.into_iter().collect::<Vec<_>>()),
        "mobilePhone" => json!(user.mobile_phone),
        "preferredLanguage" => json!(user.preferred_language),
        "accountEnabled" => json!(account.status != AccountStatus::Disabled),
        "companyName" => json!(Organization::of(user).name),
        "mailNickname" => json!(user.username.split('@').next()),
        "userType" => json!(if user.home.is_some() {
            "Guest"
        } else {
            "Member"
        }),
        _ => Value::Null,
    }
}

fn user_info_of(user: &TestUser, origin: &str) -> Response<Bytes> {
    let mut body = json!({
        "sub": token::subject(user.oid, super::CLIENT_ID),
        "name": user.display_name,
        "family_name": user.surname,
        "given_name": user.given_name,
        "picture": format!("{origin}/v1.0/me/photo/$value"),
    });
    if let (Some(mail), Some(body)) = (user.mail, body.as_object_mut()) {
        body.insert("email".to_owned(), json!(mail));
    }
    found(&body)
}

pub(super) fn found(body: &Value) -> Response<Bytes> {
    let mut response = response::json(StatusCode::OK, body);
    let kind = "application/json;odata.metadata=minimal;odata.streaming=true;\
                IEEE754Compatible=false;charset=utf-8";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
