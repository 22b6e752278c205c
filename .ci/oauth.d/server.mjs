// An independent OAuth server, configured as One Horizon is known to be: its two paths, client secret in the form, PKCE.
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const callback = 'http://127.0.0.1:3999/callback'
const app = (id, more) => ({
  client_id: id,
  redirect_uris: [callback, 'http://127.0.0.1:3999/elsewhere'],
  application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  ...more
})

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [
      app('web', { client_secret: 'secret of the web app', token_endpoint_auth_method: 'client_secret_post' }),
      app('cli', { token_endpoint_auth_method: 'none' })
    ],
    routes: { authorization: '/app/auth/authorize', token: '/app/auth/token', userinfo: '/userinfo', revocation: '/revoke' },
    pkce: { required: () => true },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    features: { revocation: { enabled: true }, userinfo: { enabled: true } },
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id, name: 'Ada', email: 'ada@example.org' }) }),
    ttl: { AccessToken: 3600, AuthorizationCode: 60, RefreshToken: 3600, Session: 3600, Interaction: 600, Grant: 3600, IdToken: 600 }
  })
  server.on('request', provider.callback())
  console.log(`listening on ${issuer}`)
})

// Stops by itself if nobody stops it.
setTimeout(() => process.exit(0), 300_000)
