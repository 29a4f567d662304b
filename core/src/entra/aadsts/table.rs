//! The table of Entra's errors: one line for each that people meet.

use super::{
    Concerns::{self, Administrator, Operator, Passing, User},
    KnownError,
};

macro_rules! known_errors {
    ($($number:literal => $concerns:expr, $cause:literal, $fix:expr;)+) => {
        /// All of them, in the order of their numbers: what is behind `AADSTS`, whom it concerns, what has happened, and what
        /// the operator can do.
        pub(super) const KNOWN_ERRORS: &[KnownError] = &[
            $(KnownError { number: $number, concerns: $concerns, cause: $cause, fix: $fix },)+
        ];
    };
}

const SIGN_IN: Concerns = User("Sign in again.");
const MFA: Concerns = User("Sign in again, and confirm it as Microsoft asks you to.");
const DEVICE: Concerns =
    User("Use a device that your organization manages, or ask its administrator.");
const OTHER_ACCOUNT: Concerns = User(
    "Use an account of the organization that runs this server, or have yourself invited as a guest.",
);

const REDIRECT_URI: &str =
    "az ad app update --id CLIENT_ID --web-redirect-uris PUBLIC_URL/auth/callback";
const NEW_SECRET: &str = "az ad app credential reset --id CLIENT_ID --append, then set AZURE_CLIENT_SECRET to its password";
const FEDERATED: &str = "az ad app federated-credential list --id CLIENT_ID: issuer, subject and audience must be \
                         exactly those of the token; a new one takes some minutes";
const CERTIFICATE: &str = "az ad app credential reset --id CLIENT_ID --cert @cert.pem --append, with the certificate of \
                           AZURE_CLIENT_CERTIFICATE_PATH";
const CONSENT: &str = "az ad app permission admin-consent --id CLIENT_ID; an administrator of another organization is sent \
                       to PUBLIC_URL/admin-consent";
const ASSIGN: &str = "assign the user or a group to the enterprise application, or: az ad sp update --id CLIENT_ID \
                      --set appRoleAssignmentRequired=false";
const POLICY: &str = "see the sign-in in the logs of Entra ID by its correlation id: Conditional Access names the policy. \
                      Refreshes come from the address of this server, so a policy of locations must know that";
const CLIENT_ID: &str = "az ad app show --id CLIENT_ID --query appId, signed in to the tenant of AZURE_TENANT_ID; then \
                         az ad sp create --id CLIENT_ID";
const TENANT: &str = "az account show --query tenantId, and set AZURE_TENANT_ID to it";
const PERMISSION: &str = "az ad app permission list --id CLIENT_ID: the scopes of the tools must be permissions of \
                          Microsoft Graph that the application has";
const REPORT: &str =
    "this server sent what Entra ID does not take: report it with the correlation id";
const WAIT: &str = "nothing, unless it lasts: https://status.cloud.microsoft";
const ENABLE_USER: &str = "az ad user update --id USER --account-enabled true, if that is wanted";
const GUEST: &str = "az rest --method POST --url https://graph.microsoft.com/v1.0/invitations --body BODY invites a guest";
const CROSS_TENANT: &str = "see the cross-tenant access settings of both organizations";
const AS_WEB: &str = "register it as Web: az ad app update --id CLIENT_ID --web-redirect-uris PUBLIC_URL/auth/callback";
const NOTHING: &str = "nothing: the user can go on alone";

known_errors! {
    16000 => OTHER_ACCOUNT, "The account is not one that may sign in to this application.", ASSIGN;
    16003 => OTHER_ACCOUNT, "The account was not added to the tenant.", GUEST;
    50011 => Operator, "The callback address of this server is not a redirect URI of its app registration.", REDIRECT_URI;
    50012 => Operator, "The client assertion of this server was not accepted.", CERTIFICATE;
    50013 => SIGN_IN, "The token that was presented to act on behalf of the user is not valid.", REPORT;
    50020 => OTHER_ACCOUNT, "The account belongs to another tenant and is no guest of this one.", GUEST;
    50027 => Operator, "The client assertion of this server is malformed.", REPORT;
    50033 => Passing, "Entra ID has a fault that passes.", WAIT;
    50034 => OTHER_ACCOUNT, "The account does not exist in this tenant.", "az ad user list --display-name NAME";
    50053 => User("Wait, then sign in again; ask the administrator of your organization if it lasts."),
        "The account is locked after too many attempts, or the address is blocked.",
        "see the sign-in in the logs of Entra ID by its correlation id";
    50055 => User("Change the password at https://mysignins.microsoft.com, then sign in again."),
        "The password has expired.", NOTHING;
    50057 => Administrator, "The account is disabled.", ENABLE_USER;
    50058 => SIGN_IN, "Nobody was signed in any more.", NOTHING;
    50059 => Operator, "Entra ID does not know which tenant was meant.", TENANT;
    50074 => MFA, "Multi-factor authentication is required.", NOTHING;
    50076 => MFA, "Multi-factor authentication is required, by a change of a policy or from this place.", NOTHING;
    50078 => MFA, "The multi-factor authentication has expired.", NOTHING;
    50079 => User("Sign in again, and register a second factor as Microsoft asks you to."),
        "A second factor must be registered first.", NOTHING;
    50097 => DEVICE, "The device must prove what it is.", POLICY;
    50105 => Administrator, "The user is not assigned to the application, which requires it.", ASSIGN;
    50126 => SIGN_IN, "The user name or the password was wrong.", NOTHING;
    50131 => DEVICE, "The device or the sign-in does not meet a policy of Conditional Access.", POLICY;
    50133 => SIGN_IN, "The password was changed since.", NOTHING;
    50140 => SIGN_IN, "The sign-in was interrupted by the question whether to stay signed in.", NOTHING;
    50158 => MFA, "A check outside of Entra ID is required.", POLICY;
    50173 => SIGN_IN, "The sign-ins were revoked or the password was reset since.", NOTHING;
    50194 => Operator, "The application belongs to one tenant, and another one was asked.", TENANT;
    50196 => Passing, "Entra ID has stopped a loop of the same requests.", "find the client that signs in again and again";
    51004 => OTHER_ACCOUNT, "The account does not exist in the directory.", "az ad user show --id USER";
    53000 => DEVICE, "The device does not meet the rules of the organization.", POLICY;
    53001 => DEVICE, "The device does not belong to the organization.", POLICY;
    53002 => DEVICE, "The app is not one that a policy of Conditional Access approves.", POLICY;
    53003 => Administrator, "A policy of Conditional Access blocks the access.", POLICY;
    53004 => Administrator, "A second factor cannot be registered from here: the sign-in looks suspicious.", POLICY;
    54005 => SIGN_IN,
        "The authorization code of Entra ID was redeemed already.",
        "nothing, unless it is frequent: then something repeats callbacks";
    65001 => Administrator, "Nobody has consented to a permission of this application.", CONSENT;
    65004 => User("Sign in again and accept, if you want to use it."), "The user declined to consent.", CONSENT;
    65005 => Operator, "The application asks for a permission that it does not list.", PERMISSION;
    70000 => SIGN_IN, "The grant is not valid.", NOTHING;
    70001 => Operator, "The application is disabled or unknown.", CLIENT_ID;
    70002 => Operator, "The credential of this server is not valid.", NEW_SECRET;
    70003 => Operator, "This kind of request is not supported.", REPORT;
    70008 => SIGN_IN, "The grant has expired because it was not used.", NOTHING;
    70011 => Operator, "A scope that was asked for is not valid.", PERMISSION;
    70021 => Operator, "No federated credential of the application fits the token.", FEDERATED;
    70043 => SIGN_IN, "The organization wants users to sign in more often.", POLICY;
    82001 => Operator, "The client id is that of an agent, which cannot sign users in.", CLIENT_ID;
    90002 => Operator,
        "The tenant does not exist in this cloud.",
        "az account show --query tenantId, and set AZURE_TENANT_ID; for a national cloud set AZURE_AUTHORITY_HOST";
    90009 => Operator, "The application asked for a token for itself.", PERMISSION;
    90014 => Operator, "Something is missing in the request of this server.", REPORT;
    90033 => Passing, "Entra ID has a fault that passes.", WAIT;
    90038 => Operator, "The tenant is in another cloud.", "set AZURE_AUTHORITY_HOST to the authority of its cloud";
    90072 => OTHER_ACCOUNT, "The account is no guest of this tenant, which asks for a second factor.", GUEST;
    90090 => Passing, "Entra ID has a fault that passes.", WAIT;
    90094 => Administrator, "An administrator must consent first.", CONSENT;
    90095 => Administrator, "An administrator was asked to consent and has not yet.", CONSENT;
    240_002 => SIGN_IN, "An ID token was presented where an access token belongs.", REPORT;
    500_011 => Operator,
        "The API that was asked for is not known in the tenant.", "az ad sp create --id APPLICATION_OF_THE_API";
    500_112 => Operator, "The callback address differs from that of the authorization request.", REDIRECT_URI;
    500_113 => Operator, "The app registration has no redirect URI.", REDIRECT_URI;
    500_131 => SIGN_IN, "The token that was presented to act on behalf of the user is for another application.", REPORT;
    500_133 => SIGN_IN, "The token that was presented to act on behalf of the user has expired.", NOTHING;
    500_212 => Administrator, "The organization of the account does not let it use this tenant.", CROSS_TENANT;
    500_213 => Administrator, "This tenant lets nobody of that organization in.", CROSS_TENANT;
    501_051 => Administrator, "The calling application is not assigned to this one.", ASSIGN;
    501_481 => SIGN_IN, "The proof key does not fit the authorization request.", REPORT;
    530_032 => Administrator, "A security policy of the tenant blocks the access.", POLICY;
    530_035 => Administrator, "The security defaults of the tenant block the access.", POLICY;
    530_084 => Administrator,
        "A policy wants tokens that are bound to a device, which no server can have.",
        "exclude this application from token protection in Conditional Access";
    650_052 => Administrator,
        "The organization has no service principal of an API.", "az ad sp create --id APPLICATION_OF_THE_API";
    650_053 => Operator, "A permission that was asked for does not exist.", PERMISSION;
    650_056 => Operator, "The application lists no permissions, or the wrong application was meant.", PERMISSION;
    650_057 => Operator, "An API was asked for that the application does not list.", PERMISSION;
    700_005 => Operator, "The authorization code is of another tenant.", TENANT;
    700_016 => Operator, "The client id of this server is not known in the tenant.", CLIENT_ID;
    700_021 => Operator, "The client assertion of this server is for another endpoint.", REPORT;
    700_024 => Operator,
        "The client assertion of this server has expired or is of the future.",
        "set the clock of this machine; a token in AZURE_FEDERATED_TOKEN_FILE must be replaced in time";
    700_025 => Operator,
        "The application is registered as a public client.",
        "register the redirect URI as Web: az ad app update --id CLIENT_ID --web-redirect-uris PUBLIC_URL/auth/callback";
    700_027 => Operator, "The certificate of this server is not registered, or signs what it did not sign.", CERTIFICATE;
    700_038 => Operator, "The client id of this server is none.", CLIENT_ID;
    700_082 => SIGN_IN, "The grant has expired because it was not used for ninety days.", NOTHING;
    700_084 => SIGN_IN, "The redirect URI is registered for a single-page application, whose grants end after a day.", AS_WEB;
    700_211 => Operator, "No federated credential of the application has the issuer of the token.", FEDERATED;
    700_212 => Operator, "No federated credential of the application has the audience of the token.", FEDERATED;
    700_213 => Operator, "No federated credential of the application has the subject of the token.", FEDERATED;
    700_229 => Operator, "The federated token is of a user, and must be of an application.", FEDERATED;
    900_144 => Operator, "Something is missing in the request of this server.", REPORT;
    900_384 => Operator, "The signature of the federated token is not valid.", FEDERATED;
    900_439 => Operator, "The application is of another cloud.", "set AZURE_AUTHORITY_HOST to the authority of its cloud";
    1_000_502 => Operator, "The certificate of this server has ended or is of the future.", CERTIFICATE;
    7_000_112 => Administrator, "The application is disabled.", "az ad sp update --id CLIENT_ID --set accountEnabled=true";
    7_000_114 => Operator, "The application may not act on behalf of users.", REPORT;
    7_000_214 => Operator, "The certificate of this server was revoked.", CERTIFICATE;
    7_000_215 => Operator, "The client secret is wrong: its value is wanted, not its id.", NEW_SECRET;
    7_000_218 => Operator, "The client secret is missing.", NEW_SECRET;
    7_000_222 => Operator, "The client secret has expired.", NEW_SECRET;
    7_000_274 => Operator, "The signature of the client assertion of this server is not valid.", CERTIFICATE;
    7_000_277 => Operator, "The certificate of this server was revoked.", CERTIFICATE;
    9_002_313 => SIGN_IN, "The grant is malformed.", REPORT;
    9_002_327 => Operator, "The redirect URI is registered for a single-page application.", AS_WEB;
    9_010_010 => Operator, "The resource and the scopes belong to different applications.", REPORT;
}
