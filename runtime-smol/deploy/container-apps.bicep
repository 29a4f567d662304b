// Azure Container Apps: one replica, whose managed identity pulls the image and
// reads the secrets from a key vault. Written from Microsoft's reference; it was not deployed.
//
//     az deployment group create -g RESOURCE_GROUP -f container-apps.bicep \
//         -p image=REGISTRY.azurecr.io/entra-mcp:0.1.0 registry=REGISTRY keyVault=VAULT host=mcp.contoso.com clientId=…
//
// Before: the vault holds `entra-mcp-key` (openssl rand -base64 32) and `entra-mcp-client-secret`; both the registry and
// the vault are in this resource group.

param location string = resourceGroup().location
param image string
@description('Name of the container registry.')
param registry string
@description('Name of the key vault, with role assignments for access.')
param keyVault string
@description('The host name that clients use; bind it to the app once it is there.')
param host string
@description('Application (client) ID of the application in Entra ID.')
param clientId string

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registry
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: keyVault
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'entra-mcp'
  location: location
}

resource mayPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(acr.id, identity.id, acrPull)
  scope: acr
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'entra-mcp'
  location: location
  properties: { retentionInDays: 30 }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: 'entra-mcp'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: 'entra-mcp'
  location: location
  dependsOn: [mayPull, mayRead]
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    environmentId: environment.id
    configuration: {
      ingress: { external: true, targetPort: 3001, transport: 'http', allowInsecure: false }
      registries: [{ server: acr.properties.loginServer, identity: identity.id }]
      secrets: [
        { name: 'key', keyVaultUrl: '${vault.properties.vaultUri}secrets/entra-mcp-key', identity: identity.id }
        { name: 'client-secret', keyVaultUrl: '${vault.properties.vaultUri}secrets/entra-mcp-client-secret', identity: identity.id }
      ]
    }
    template: {
      // One process owns a data folder; more need a shared store.
      scale: { minReplicas: 1, maxReplicas: 1 }
      containers: [
        {
          name: 'entra-mcp'
          image: image
          resources: { cpu: json('0.5'), memory: '1Gi' }
          env: [
            { name: 'ENTRA_MCP_PUBLIC_URL', value: 'https://${host}' }
            // Of the ingress, whose addresses are private ones.
            { name: 'ENTRA_MCP_TRUSTED_PROXIES', value: '100.64.0.0/10,10.0.0.0/8' }
            { name: 'ENTRA_MCP_KEY', secretRef: 'key' }
            { name: 'AZURE_TENANT_ID', value: tenant().tenantId }
            { name: 'AZURE_CLIENT_ID', value: clientId }
            { name: 'AZURE_CLIENT_SECRET', secretRef: 'client-secret' }
          ]
          probes: [
            { type: 'Liveness', httpGet: { path: '/healthz', port: 3001 }, periodSeconds: 10 }
          ]
          volumeMounts: [{ volumeName: 'data', mountPath: '/data' }]
        }
      ]
      // Gone with the replica: then users sign in again. Redis keeps them.
      volumes: [{ name: 'data', storageType: 'EmptyDir' }]
    }
  }
}

output address string = app.properties.configuration.ingress.fqdn
