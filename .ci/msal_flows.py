"""MSAL for Python, unmodified, against the development tenant: each flow of a confidential client."""

import hashlib
import html
import os
import re
import ssl
import sys
import warnings
from urllib.parse import parse_qs, urlsplit

import msal
import requests

origin, ca = sys.argv[1:]
TENANT = "5a4d9c1e-7b3f-4c26-9e8a-d3e7e4a70001"
CLIENT = "0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002"
SECRET = "dev8Q~public.and-worthless_0123456789.abc"
COMMAND_LINE = "c0c0a000-6f1d-4b7e-8a52-d3e7e4a70005"
GRAPH = "https://graph.microsoft.com/.default"
authority = f"{origin}/{TENANT}"
warnings.filterwarnings("ignore", message="response_mode")
web = requests.Session()
web.trust_env, web.verify = False, ca


def application(credential, at=authority):
    return msal.ConfidentialClientApplication(
        CLIENT, authority=at, client_credential=credential, instance_discovery=False, verify=ca)


def good(what, result):
    if "access_token" not in result:
        sys.exit(f"{what}: {result}")
    print(f"MSAL for Python: {what}")
    return result


def browse(address, username):
    web.cookies.clear()
    page = web.get(address).text
    sealed = html.unescape(re.search(r'name="ctx" value="([^"]*)"', page).group(1))
    action = html.unescape(re.search(r'<form method="post" action="([^"]*)"', page).group(1))
    back = web.post(origin + action, data={"ctx": sealed, "username": username}, allow_redirects=False)
    return {name: value for name, [value] in parse_qs(urlsplit(back.headers["Location"]).query).items()}


def control(**what):
    web.post(f"{origin}/control", json=what).raise_for_status()


def user_signs_in(app, username):
    flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri="http://localhost:8080/cb")
    assert "code_challenge=" in flow["auth_uri"]
    return app.acquire_token_by_auth_code_flow(flow, browse(flow["auth_uri"], username))


app = application(SECRET)
tokens = good("authorization code with PKCE", user_signs_in(app, "alice"))
assert tokens["id_token_claims"]["preferred_username"] == "alice@contoso.example", tokens
me = web.get(f"{origin}/v1.0/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
assert me["displayName"] == "Alice Adams", me
[account] = app.get_accounts()
cached = good("silently, of the cache", app.acquire_token_silent(["User.Read"], account=account))
assert cached["token_source"] == "cache", cached
renewed = good("refresh", app.acquire_token_silent(["User.Read"], account=account, force_refresh=True))
assert renewed["token_source"] == "identity_provider", renewed
good("another scope", app.acquire_token_silent(["Mail.Read"], account=account))

revoked_before = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'
renewed = good("claims of a challenge, silently", app.acquire_token_silent(["User.Read"], account=account, claims_challenge=revoked_before))
assert renewed["token_source"] == "identity_provider", renewed
context = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
wanted = app.acquire_token_silent_with_error(["User.Read"], account=account, claims_challenge=context)
assert wanted["error_codes"] == [50076] and "c1" in wanted["claims"], wanted
flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri="http://localhost:8080/cb", claims_challenge=wanted["claims"])
tokens = app.acquire_token_by_auth_code_flow(flow, browse(flow["auth_uri"], "alice"))
assert good("claims of a challenge, in the browser", tokens)["id_token_claims"]["acrs"] == ["c1"], tokens

user = web.post(f"{authority}/oauth2/v2.0/token", data={
    "grant_type": "password", "client_id": COMMAND_LINE, "username": "bob", "password": "any",
    "scope": f"api://{CLIENT}/user.read"}).json()
good("on behalf of", app.acquire_token_on_behalf_of(user["access_token"], ["User.Read"]))


def of_frank(claims="{}"):
    return web.post(f"{authority}/oauth2/v2.0/token", data={
        "grant_type": "password", "client_id": COMMAND_LINE, "username": "frank", "password": "any",
        "scope": f"api://{CLIENT}/user.read", "claims": claims}).json()["access_token"]


more = app.acquire_token_on_behalf_of(of_frank(), ["User.Read"])
assert more["error_codes"] == [50076] and "polids" in more["claims"], more
good("on behalf of, after a step-up", app.acquire_token_on_behalf_of(of_frank(more["claims"]), ["User.Read"]))

good("client credentials by secret", application(SECRET).acquire_token_for_client([GRAPH]))
pem = open("core/dev-tenant/keys/client.pem").read()
key, certificate = pem.split("-----END PRIVATE KEY-----")
key += "-----END PRIVATE KEY-----\n"
control(action="register_certificate", certificate=certificate.strip())
by_certificate = application({"private_key": key, "public_certificate": certificate.strip()})
good("client credentials by certificate", by_certificate.acquire_token_for_client([GRAPH]))
good("authorization code by certificate", user_signs_in(by_certificate, "bob"))
sha1 = hashlib.sha1(ssl.PEM_cert_to_DER_cert(certificate.strip())).hexdigest()
for credential in [{"private_key": key, "thumbprint": sha1},
                   {"private_key": key, "thumbprint": sha1, "public_certificate": certificate.strip()},
                   {"private_key_pfx_path": "core/dev-tenant/keys/client.pfx", "passphrase": "public and worthless"}]:
    good(f"client credentials by {sorted(credential)}", application(credential).acquire_token_for_client([GRAPH]))
requests_seen = web.get(f"{origin}/control/requests").json()
assert any("client_assertion" in str(request["parameters"]) for request in requests_seen)


def federated():
    query = {"resource": "api://AzureADTokenExchange"}
    return web.get(f"{origin}/metadata/identity/oauth2/token", params=query, headers={"Metadata": "true"}).json()["access_token"]


good("client credentials by federated assertion", application({"client_assertion": federated}).acquire_token_for_client([GRAPH]))
os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = origin
identity = msal.UserAssignedManagedIdentity(client_id="b4e1f7a2-08c5-4d9b-96e3-d3e7e4a70004")
identity = msal.ManagedIdentityClient(identity, http_client=web)
good("managed identity of a machine", identity.acquire_token_for_client(resource="api://AzureADTokenExchange"))

wrong = application("not~the.secret").acquire_token_for_client([GRAPH])
assert wrong["error_codes"] == [7000215], wrong
control(action="revoke", username="alice")
assert app.acquire_token_silent(["User.Read"], account=account, force_refresh=True) is None
try:
    application(SECRET, "http://" + authority.split("://")[1])
    sys.exit("an authority without TLS is taken")
except ValueError:
    pass
print("MSAL for Python: a wrong secret and a revoked session are refused")

command_line = msal.PublicClientApplication(COMMAND_LINE, authority=authority, instance_discovery=False, verify=ca)
flow = command_line.initiate_device_flow([f"api://{CLIENT}/user.read"])
web.cookies.clear()
page = web.post(flow["verification_uri"], data={"user_code": flow["user_code"]}).text
sealed = html.unescape(re.search(r'name="ctx" value="([^"]*)"', page).group(1))
web.post(flow["verification_uri"], data={"ctx": sealed, "username": "grace"}).raise_for_status()
tokens = good("device code, for an API", command_line.acquire_token_by_device_flow(flow))
assert tokens["id_token_claims"]["name"] == "Grace Gupta", tokens
flow = command_line.initiate_auth_code_flow([f"api://{CLIENT}/mail.read"], redirect_uri="http://localhost:1234")
back = browse(flow["auth_uri"], "grace")
tokens = good("authorization code of a public client, for an API", command_line.acquire_token_by_auth_code_flow(flow, back))
good("on behalf of who signed in there", app.acquire_token_on_behalf_of(tokens["access_token"], ["User.Read"]))

EXCHANGE = "api://AzureADTokenExchange/.default"
BLUEPRINT, AGENT = "b10e0000-2d84-4f6b-8c15-d3e7e4a7000a", "a6e47000-7b19-4c3d-a5e8-d3e7e4a7000b"
blueprint = msal.ConfidentialClientApplication(
    BLUEPRINT, authority=authority, client_credential="blp8Q~public.and-worthless_0123456789.ghi",
    instance_discovery=False, verify=ca)
proof = good("a blueprint, for its agent", blueprint.acquire_token_for_client([EXCHANGE], fmi_path=AGENT))["access_token"]
agent = msal.ConfidentialClientApplication(
    AGENT, authority=authority, client_credential={"client_assertion": lambda: proof}, instance_discovery=False, verify=ca)
good("an agent, as itself", agent.acquire_token_for_client([f"api://{CLIENT}/.default"]))
flow = command_line.initiate_auth_code_flow([f"api://{BLUEPRINT}/access_agent"], redirect_uri="http://localhost:1234")
shown = command_line.acquire_token_by_auth_code_flow(flow, browse(flow["auth_uri"], "bob"))["access_token"]
good("an agent, on behalf of a user", agent.acquire_token_on_behalf_of(shown, [f"api://{CLIENT}/user.read"]))
own = agent.acquire_token_for_client([EXCHANGE])["access_token"]
tokens = good("an agent, as the account of its own", agent.acquire_token_by_user_federated_identity_credential(
    [f"api://{CLIENT}/user.read"], own, username="agent@contoso.example"))
assert tokens["id_token_claims"]["name"] == "Invoice Agent", tokens

control(action="sign_in_audience", audience="AzureADMultipleOrgs")
several = application(SECRET, f"{origin}/organizations")
tokens = good("authorization code of organizations", user_signs_in(several, "olivia"))
assert tokens["id_token_claims"]["tid"] == "fab41ca0-2b6e-4d13-9c58-d3e7e4a70008", tokens
[account] = several.get_accounts()
good("refresh of organizations", several.acquire_token_silent(["User.Read"], account=account, force_refresh=True))


def administrator(**decision):
    web.cookies.clear()
    query = {"client_id": CLIENT, "scope": GRAPH, "redirect_uri": "http://localhost:8080/cb", "state": "s"}
    page = web.get(f"{origin}/organizations/v2.0/adminconsent", params=query).text
    sealed = html.unescape(re.search(r'name="ctx" value="([^"]*)"', page).group(1))
    action = html.unescape(re.search(r'<form method="post" action="([^"]*)"', page).group(1))
    back = web.post(origin + action, data={"ctx": sealed, **decision}, allow_redirects=False)
    return {name: value for name, [value] in parse_qs(urlsplit(back.headers["Location"]).query).items()}


def nina_is_refused():
    web.cookies.clear()
    flow = several.initiate_auth_code_flow(["User.Read"], redirect_uri="http://localhost:8080/cb")
    page = web.get(flow["auth_uri"]).text
    sealed = html.unescape(re.search(r'name="ctx" value="([^"]*)"', page).group(1))
    action = html.unescape(re.search(r'<form method="post" action="([^"]*)"', page).group(1))
    page = web.post(origin + action, data={"ctx": sealed, "username": "nina"}, allow_redirects=False)
    return "Location" not in page.headers and "90094" in page.text


assert nina_is_refused()
answer = administrator(action="cancel")
assert answer["error"] == "access_denied" and answer["admin_consent"] == "True" and nina_is_refused(), answer
answer = administrator(username="victor")
assert answer["admin_consent"] == "True" and answer["state"] == "s", answer
tokens = good("authorization code after an administrator's consent", user_signs_in(several, "nina"))
assert tokens["id_token_claims"]["tid"] == answer["tenant"], answer
control(action="reset")
