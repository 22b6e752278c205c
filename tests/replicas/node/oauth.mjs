// A rotating OAuth server: the npm package `oidc-provider`. GET /logins/<n> makes logins and returns their refresh tokens;
// GET /issued returns the newest refresh token of each account, and how many were issued.
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

// The package's own adapter forgets all but the latest thousand.
const stored = new Map()
const grants = new Map()
class Everything {
  constructor (model) { this.model = model }
  key (id) { return `${this.model}:${id}` }
  async upsert (id, payload) {
    stored.set(this.key(id), payload)
    if (payload.grantId) {
      if (!grants.has(payload.grantId)) grants.set(payload.grantId, [])
      grants.get(payload.grantId).push(this.key(id))
    }
  }
  async find (id) { return stored.get(this.key(id)) }
  async findByUid () {}
  async findByUserCode () {}
  async consume (id) { stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000) }
  async destroy (id) { stored.delete(this.key(id)) }
  async revokeByGrantId (grantId) {
    for (const key of grants.get(grantId) ?? []) stored.delete(key)
    grants.delete(grantId)
  }
}

const newest = {}
let issued = 0
let revoked = 0

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    adapter: Everything,
    clients: [{
      client_id: 'web',
      client_secret: 'secret of the web app',
      token_endpoint_auth_method: 'client_secret_post',
      redirect_uris: ['http://127.0.0.1:3999/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code']
    }],
    routes: { authorization: '/app/auth/authorize', token: '/app/auth/token' },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    ttl: { AccessToken: 3600, RefreshToken: 3600, Grant: 3600, IdToken: 600 }
  })
  provider.on('refresh_token.saved', (token) => { newest[token.accountId] = token.jti; issued += 1 })
  provider.on('grant.revoked', () => { revoked += 1 })
  const logins = async (count) => {
    const client = await provider.Client.find('web')
    const tokens = []
    for (let number = 0; number < count; number += 1) {
      const accountId = `u_${number}`
      const grant = new provider.Grant({ accountId, clientId: 'web' })
      grant.addOIDCScope('offline_access')
      const grantId = await grant.save()
      const now = Math.floor(Date.now() / 1000)
      const token = new provider.RefreshToken({
        client, accountId, grantId, scope: 'offline_access', gty: 'authorization_code', authTime: now, iiat: now, claims: {}
      })
      tokens.push(await token.save())
    }
    return tokens
  }
  const handle = provider.callback()
  server.on('request', async (request, response) => {
    const url = new URL(request.url, issuer)
    const json = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    if (url.pathname.startsWith('/logins/')) return json(await logins(Number(url.pathname.slice(8))))
    if (url.pathname === '/issued') return json({ newest, issued, revoked })
    return handle(request, response)
  })
  console.log(issuer)
})
process.stdin.on('end', () => process.exit(0)).resume()
