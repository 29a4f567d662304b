// MSAL for Node.js, unmodified, against the development tenant: each flow of a confidential client.

import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [origin, libraries] = process.argv.slice(2);
const msal = createRequire(resolve(libraries, "index.js"))("@azure/msal-node");
const tenant = "5a4d9c1e-7b3f-4c26-9e8a-d3e7e4a70001";
const clientId = "0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002";
const clientSecret = "dev8Q~public.and-worthless_0123456789.abc";
const commandLine = "c0c0a000-6f1d-4b7e-8a52-d3e7e4a70005";
const redirectUri = "http://localhost:8080/cb";
const graph = { scopes: ["https://graph.microsoft.com/.default"] };

const application = (credential, id = clientId) => new msal.ConfidentialClientApplication({
  auth: { clientId: id, authority: `${origin}/${tenant}`, knownAuthorities: [new URL(origin).host], ...credential },
});
const good = (what, result) => {
  if (!result?.accessToken) throw new Error(`${what}: ${JSON.stringify(result)}`);
  console.log(`MSAL for Node.js: ${what}`);
  return result;
};
const form = (fields) => ({ method: "POST", redirect: "manual", body: new URLSearchParams(fields) });
const control = (what) => fetch(`${origin}/control`, {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(what),
});

async function browse(address, username) {
  const page = await (await fetch(address)).text();
  const [, ctx] = page.match(/name="ctx" value="([^"]*)"/);
  const [, action] = page.match(/<form method="post" action="([^"]*)"/);
  const back = await fetch(origin + action, form({ ctx, username }));
  return Object.fromEntries(new URL(back.headers.get("location")).searchParams);
}

async function signIn(app, username, more = {}) {
  const { verifier, challenge } = await new msal.CryptoProvider().generatePkceCodes();
  const asked = { scopes: ["User.Read"], redirectUri, state: "a state", nonce: "a nonce", ...more };
  const url = await app.getAuthCodeUrl({ ...asked, codeChallenge: challenge, codeChallengeMethod: "S256" });
  const { code, state } = await browse(url, username);
  return app.acquireTokenByCode({ ...asked, code, codeVerifier: verifier }, { code, state });
}

const app = application({ clientSecret });
const without = { scopes: ["User.Read"], redirectUri, state: "a state" };
const answer = await browse(await app.getAuthCodeUrl(without), "bob");
good("authorization code without PKCE and nonce", await app.acquireTokenByCode({ ...without, code: answer.code }, answer));
const tokens = good("authorization code with PKCE and nonce", await signIn(app, "alice"));
if (tokens.account.username !== "alice@contoso.example") throw new Error(tokens.account.username);
const [account] = await app.getTokenCache().getAllAccounts();
const silent = { account, scopes: ["User.Read"] };
if (!good("silently, of the cache", await app.acquireTokenSilent(silent)).fromCache) throw new Error("not of the cache");
if (good("refresh", await app.acquireTokenSilent({ ...silent, forceRefresh: true })).fromCache) throw new Error("of the cache");

const nbf = JSON.stringify({ access_token: { nbf: { essential: true, value: "1604106651" } } });
if (good("claims of a challenge, silently", await app.acquireTokenSilent({ ...silent, claims: nbf })).fromCache) throw new Error("of the cache");
const context = JSON.stringify({ access_token: { acrs: { essential: true, value: "c1" } } });
const wanted = await app.acquireTokenSilent({ ...silent, claims: context }).catch((error) => error);
if (!(wanted instanceof msal.InteractionRequiredAuthError) || !wanted.claims.includes("c1")) throw new Error(String(wanted));
const stronger = good("claims of a challenge, in the browser", await signIn(app, "alice", { claims: wanted.claims }));
if (!stronger.idTokenClaims.acrs.includes("c1")) throw new Error(JSON.stringify(stronger.idTokenClaims));

async function tokenFor(username, scope = `api://${clientId}/user.read`, claims = "{}") {
  const fields = { grant_type: "password", client_id: commandLine, username, password: "any", scope, claims };
  return (await (await fetch(`${origin}/${tenant}/oauth2/v2.0/token`, form(fields))).json()).access_token;
}
const ofBob = await tokenFor("bob");
const onBehalfOf = () => app.acquireTokenOnBehalfOf({ oboAssertion: ofBob, scopes: ["User.Read"] });
if (good("on behalf of", await onBehalfOf()).fromCache) throw new Error("of the cache");
if (!good("on behalf of, again", await onBehalfOf()).fromCache) throw new Error("not of the cache");
const ofFrank = await tokenFor("frank");
const more = await app.acquireTokenOnBehalfOf({ oboAssertion: ofFrank, scopes: ["User.Read"] }).catch((error) => error);
if (!(more instanceof msal.InteractionRequiredAuthError) || !more.claims.includes("polids")) throw new Error(String(more));
const stepped = await tokenFor("frank", `api://${clientId}/user.read`, more.claims);
good("on behalf of, after a step-up", await app.acquireTokenOnBehalfOf({ oboAssertion: stepped, scopes: ["User.Read"] }));

good("client credentials by secret", await application({ clientSecret }).acquireTokenByClientCredential(graph));
const pem = readFileSync("core/dev-tenant/keys/client.pem", "utf8");
const [key, certificate] = pem.split("-----END PRIVATE KEY-----");
await control({ action: "register_certificate", certificate: certificate.trim() });
const thumbprintSha256 = createHash("sha256").update(new X509Certificate(certificate.trim()).raw).digest("hex");
const clientCertificate = { thumbprintSha256, privateKey: `${key}-----END PRIVATE KEY-----\n` };
good("client credentials by certificate", await application({ clientCertificate }).acquireTokenByClientCredential(graph));

const thumbprint = createHash("sha1").update(new X509Certificate(certificate.trim()).raw).digest("hex");
const older = { clientCertificate: { thumbprint, privateKey: clientCertificate.privateKey, x5c: certificate.trim() } };
good("client credentials by certificate, RS256 and x5c", await application(older).acquireTokenByClientCredential(graph));

const clientAssertion = async () => {
  const resource = encodeURIComponent("api://AzureADTokenExchange");
  const address = `${origin}/metadata/identity/oauth2/token?resource=${resource}`;
  return (await (await fetch(address, { headers: { Metadata: "true" } })).json()).access_token;
};
good("client credentials by federated assertion", await application({ clientAssertion }).acquireTokenByClientCredential(graph));

process.env.AZURE_POD_IDENTITY_AUTHORITY_HOST = origin;
const userAssignedClientId = "b4e1f7a2-08c5-4d9b-96e3-d3e7e4a70004";
const identity = new msal.ManagedIdentityApplication({ managedIdentityIdParams: { userAssignedClientId } });
good("managed identity of a machine", await identity.acquireToken({ resource: "api://AzureADTokenExchange" }));

Object.assign(process.env, { IDENTITY_ENDPOINT: `${origin}/msi/token`, IDENTITY_HEADER: "public-and-worthless-identity-header" });
const ofAppService = new msal.ManagedIdentityApplication({ managedIdentityIdParams: { userAssignedClientId } });
good("managed identity of App Service", await ofAppService.acquireToken({ resource: "api://AzureADTokenExchange", forceRefresh: true }));
delete process.env.IDENTITY_ENDPOINT;
delete process.env.IDENTITY_HEADER;

const exchange = ["api://AzureADTokenExchange/.default"];
const blueprintId = "b10e0000-2d84-4f6b-8c15-d3e7e4a7000a";
const agentId = "a6e47000-7b19-4c3d-a5e8-d3e7e4a7000b";
const blueprint = application({ clientSecret: "blp8Q~public.and-worthless_0123456789.ghi" }, blueprintId);
const proof = good("a blueprint, for its agent", await blueprint.acquireTokenByClientCredential({ scopes: exchange, fmiPath: agentId }));
const agent = application({ clientAssertion: async () => proof.accessToken }, agentId);
const api = `api://${clientId}`;
good("an agent, as itself", await agent.acquireTokenByClientCredential({ scopes: [`${api}/.default`] }));
const shown = await tokenFor("bob", `api://${blueprintId}/access_agent`);
good("an agent, on behalf of a user", await agent.acquireTokenOnBehalfOf({ oboAssertion: shown, scopes: [`${api}/user.read`] }));
const own = await agent.acquireTokenByClientCredential({ scopes: exchange });
const itsAccount = good("an agent, as the account of its own", await agent.acquireTokenByUserFederatedIdentityCredential({
  scopes: [`${api}/user.read`], assertion: own.accessToken, username: "agent@contoso.example",
}));
if (itsAccount.account.name !== "Invoice Agent") throw new Error(itsAccount.account.name);

const onDevice = new msal.PublicClientApplication({
  auth: { clientId: commandLine, authority: `${origin}/${tenant}`, knownAuthorities: [new URL(origin).host] },
});
const deviceCodeCallback = async ({ userCode, verificationUri }) => {
  const page = await (await fetch(verificationUri, form({ user_code: userCode }))).text();
  const [, ctx] = page.match(/name="ctx" value="([^"]*)"/);
  await fetch(verificationUri, form({ ctx, username: "grace" }));
};
const scopes = [`api://${clientId}/user.read`];
const byDevice = good("device code, for an API", await onDevice.acquireTokenByDeviceCode({ scopes, deviceCodeCallback }));
if (byDevice.account.name !== "Grace Gupta") throw new Error(byDevice.account.name);

const refused = await application({ clientSecret: "not~the.secret" }).acquireTokenByClientCredential(graph).catch((error) => error);
if (refused.errorCode !== "invalid_client") throw new Error(String(refused));
console.log("MSAL for Node.js: a wrong secret is refused");

await control({ action: "sign_in_audience", audience: "AzureADMultipleOrgs" });
const several = new msal.ConfidentialClientApplication({
  auth: { clientId, clientSecret, authority: `${origin}/organizations`, knownAuthorities: [new URL(origin).host] },
});
const olivia = good("authorization code of organizations", await signIn(several, "olivia"));
if (olivia.tenantId !== "fab41ca0-2b6e-4d13-9c58-d3e7e4a70008") throw new Error(olivia.tenantId);
const again = await several.acquireTokenSilent({ account: olivia.account, scopes: ["User.Read"], forceRefresh: true });
good("refresh of organizations", again);
