// Azure Container Apps: three replicas over an Azure Managed Redis. One managed identity pulls the image, reads the master key
// from a key vault, proves to Redis who the server is, and stands in place of a client secret: there is no other secret.
// Written from Microsoft's reference; it was not deployed.
//
//     az deployment group create -g RESOURCE_GROUP -f container-apps.bicep \
//         -p image=REGISTRY.azurecr.io/entra-mcp:0.1.0 registry=REGISTRY keyVault=VAULT host=mcp.contoso.com clientId=…
//
// Before: the vault holds `entra-mcp-key` (openssl rand -base64 32); the registry and the vault are in this resource group; the
// image was built with `--build-arg FEATURES=redis`. After, the application must believe the identity (`az ad app
// federated-credential create` with the outputs `issuer` and `subject`, see core/docs/entra-application.md).
//
// The ingress ends a request after 240 seconds: a stream is opened again by its client then, and goes on; a call that takes longer
// is to be a task, or needs a premium ingress with another `requestIdleTimeout`.

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

// Its one address leads to the node that has the keys, all of which are in one slot.
resource redis 'Microsoft.Cache/redisEnterprise@2025-04-01' = {
  name: 'entra-mcp-${uniqueString(resourceGroup().id)}'
  location: location
  sku: { name: 'Balanced_B0' }
  properties: { minimumTlsVersion: '1.2' }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-04-01' = {
  parent: redis
  name: 'default'
  properties: {
    port: 10000
    clientProtocol: 'Encrypted'
    clusteringPolicy: 'EnterpriseCluster'
    // An evicted session would sign its user out.
    evictionPolicy: 'NoEviction'
    accessKeysAuthentication: 'Disabled'
    persistence: { aofEnabled: true, aofFrequency: '1s' }
  }
}

resource mayStore 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-04-01' = {
  parent: database
  name: 'entramcp'
  properties: {
    accessPolicyName: 'default'
    user: { objectId: identity.properties.principalId }
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
  dependsOn: [mayPull, mayRead, mayStore]
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
      ]
    }
    template: {
      scale: { minReplicas: 3, maxReplicas: 3 }
      // More than both of the times below together.
      terminationGracePeriodSeconds: 60
      containers: [
        {
          name: 'entra-mcp'
          image: image
          resources: { cpu: json('0.5'), memory: '1Gi' }
          env: [
            { name: 'ENTRA_MCP_PUBLIC_URL', value: 'https://${host}' }
            { name: 'ENTRA_MCP_STORE', value: 'rediss://${identity.properties.principalId}@${redis.properties.hostName}:10000' }
            { name: 'ENTRA_MCP_STORE_ENTRA_AUTH', value: 'on' }
            // Twice as long as the readiness probe needs to find out that this replica ends.
            { name: 'ENTRA_MCP_SHUTDOWN_DELAY', value: '8s' }
            { name: 'ENTRA_MCP_SHUTDOWN_TIMEOUT', value: '45s' }
            // Of the ingress, whose addresses are private ones. It passes `traceparent` on: the id of a request in the logs may be its
            // sender's choice.
            { name: 'ENTRA_MCP_TRUSTED_PROXIES', value: '100.64.0.0/10,10.0.0.0/8' }
            { name: 'ENTRA_MCP_KEY', secretRef: 'key' }
            { name: 'AZURE_TENANT_ID', value: tenant().tenantId }
            { name: 'AZURE_CLIENT_ID', value: clientId }
            { name: 'ENTRA_MCP_MANAGED_IDENTITY', value: identity.properties.clientId }
          ]
          probes: [
            { type: 'Liveness', httpGet: { path: '/healthz', port: 3001 }, periodSeconds: 10 }
            { type: 'Readiness', httpGet: { path: '/readyz', port: 3001 }, periodSeconds: 2, failureThreshold: 2 }
          ]
        }
      ]
    }
  }
}

output address string = app.properties.configuration.ingress.fqdn
output issuer string = '${az.environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
output subject string = identity.properties.principalId
