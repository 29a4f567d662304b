"""azure-identity for Python, unmodified, against the development tenant: the credentials without a user."""

import os
import pathlib
import shutil
import sys

import msal
import requests
from azure.identity import (
    CertificateCredential, ClientAssertionCredential, ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential)

origin, work = sys.argv[1:]
TENANT = "5a4d9c1e-7b3f-4c26-9e8a-d3e7e4a70001"
CLIENT = "0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002"
SECRET = "dev8Q~public.and-worthless_0123456789.abc"
IDENTITY = "b4e1f7a2-08c5-4d9b-96e3-d3e7e4a70004"
EXCHANGE = "api://AzureADTokenExchange/.default"
GRAPH = "https://graph.microsoft.com/.default"
there = {"authority": origin, "disable_instance_discovery": True}


def good(what, credential, scope=GRAPH):
    assert credential.get_token(scope).token
    print(f"azure-identity: {what}")


good("client secret", ClientSecretCredential(TENANT, CLIENT, SECRET, **there))
pem = "core/dev-tenant/keys/client.pem"
certificate = open(pem).read().split("-----END PRIVATE KEY-----")[1].strip()
control = {"action": "register_certificate", "certificate": certificate}
requests.post(f"{origin}/control", json=control).raise_for_status()
good("certificate", CertificateCredential(TENANT, CLIENT, pem, **there))

os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = origin
identity = ManagedIdentityCredential(client_id=IDENTITY)
good("managed identity of a machine", identity, EXCHANGE)
good("managed identity as the credential", ClientAssertionCredential(
    TENANT, CLIENT, lambda: identity.get_token(EXCHANGE).token, **there))
file = os.path.join(work, "federated-token")
with open(file, "w") as to:
    to.write(identity.get_token(EXCHANGE).token)
good("workload identity", WorkloadIdentityCredential(
    tenant_id=TENANT, client_id=CLIENT, token_file_path=file, **there))
os.environ["IDENTITY_ENDPOINT"] = f"{origin}/msi/token"
os.environ["IDENTITY_HEADER"] = "public-and-worthless-identity-header"
good("managed identity of App Service", ManagedIdentityCredential(client_id=IDENTITY), EXCHANGE)
web = requests.Session()
assigned = msal.ManagedIdentityClient(msal.UserAssignedManagedIdentity(client_id=IDENTITY), http_client=web)
token = assigned.acquire_token_for_client(resource="api://AzureADTokenExchange")
assert "access_token" in token, token
print("MSAL for Python: managed identity of App Service")
for name in ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"]:
    del os.environ[name]

os.environ["MSI_ENDPOINT"] = f"{origin}/cloud-shell/oauth2/token"
good("managed identity of Cloud Shell", ManagedIdentityCredential(), EXCHANGE)
del os.environ["MSI_ENDPOINT"]

# The libraries read what the agent of Azure Arc names in its own folder alone: it is made for the moment, where there is no agent
# and that is allowed.
agent = pathlib.Path("/var/opt/azcmagent")
try:
    (agent / "tokens").mkdir(parents=True)
except OSError as error:
    print(f"azure-identity: managed identity of Azure Arc is left out: {error}")
else:
    try:
        (agent / "tokens" / "dev-tenant.key").write_text("public-and-worthless-arc-key")
        os.environ["IDENTITY_ENDPOINT"] = f"{origin}/arc/metadata/identity/oauth2/token"
        os.environ["IMDS_ENDPOINT"] = origin
        good("managed identity of Azure Arc", ManagedIdentityCredential(), EXCHANGE)
        system = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=web)
        token = system.acquire_token_for_client(resource="api://AzureADTokenExchange")
        assert "access_token" in token, token
        print("MSAL for Python: managed identity of Azure Arc")
    finally:
        shutil.rmtree(agent)
