// How the client that openapi-generator makes from our document (`typescript-fetch`, bundled as client.mjs beside this file) is
// called for a conformance case. Where a program finds something with a line of its own, the client gets the credit for it:
// the kind of an error by its status, a header by its name, a time limit by a signal.
import { APIKeysApi, Configuration, DocumentsApi, RequiredError, ResponseError, TasksApi } from './client.mjs'

const operations = {
  fetchTask: TasksApi, listTasks: TasksApi, createTask: TasksApi, listDocuments: DocumentsApi,
  listApiKeys: APIKeysApi, createApiKey: APIKeysApi, revokeApiKey: APIKeysApi
}
const bodies = { createTask: 'newTask', createApiKey: 'newApiKey' }
const kinds = { 400: 'invalid', 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 409: 'conflict', 422: 'invalid', 429: 'rate_limited' }

export default {
  name: 'openapi-generator, typescript-fetch',
  elsewhere: { token: 'the client has no login: the token endpoint is not in the OpenAPI document' },
  reason: () => undefined,

  async call(entry, { baseUrl, fetch }) {
    const settings = entry.settings ?? {}
    const token = settings.oauth_token ?? (settings.api_key === undefined ? 'key-of-the-cases' : settings.api_key)
    const configuration = new Configuration({
      basePath: settings.base_url ?? baseUrl, fetchApi: fetch, accessToken: token === null ? undefined : token
    })
    const [[operation, given]] = Object.entries(entry.call)
    const { body, ...parameters } = given
    const workspaceId = settings.workspace ?? 'current'
    const signal = () => settings.timeout ? { signal: AbortSignal.timeout(settings.timeout * 1000) } : undefined
    const api = new operations[operation](configuration)
    const result = await api[operation]({ workspaceId, ...parameters, ...(body ? { [bodies[operation]]: body } : {}) }, signal())
    if (!entry.then) return result
    const task = { ...result, ...entry.then.updateTask }
    return await api.updateTask({ workspaceId, taskId: task.taskId, task }, signal())
  },

  async describe(error) {
    const causes = []
    for (let one = error; one; one = one.cause) causes.push(`${one.name} ${one.message} ${one.code ?? ''}`)
    const found = { message: error.message, shown: causes.join('; '), kept: causes.join('; '), kind: 'api', retryable: false }
    if (error instanceof RequiredError) return { ...found, kind: 'invalid', sent: 'no' }
    if (error instanceof SyntaxError) return { ...found, kind: 'decode', sent: 'yes' }
    if (error instanceof ResponseError) {
      const { response } = error
      const text = await response.text().catch(() => '')
      let code
      try { code = JSON.parse(text).code } catch { /* no JSON */ }
      return {
        ...found, kept: `${found.kept} ${text} ${[...response.headers].join(' ')}`, code, kind: kinds[response.status] ?? 'api', status: response.status,
        request_id: response.headers.get('x-request-id') ?? undefined, sent: 'yes',
        retry_after: Number(response.headers.get('retry-after')) || undefined
      }
    }
    const all = found.shown
    const kind = /TimeoutError|AbortError/.test(all) ? 'timeout'
      : /ECONNREFUSED/.test(all) ? 'connect'
        : /UND_ERR_SOCKET|ECONNRESET|terminated/.test(all) ? 'interrupted'
          : /header|ByteString/i.test(all) ? 'config' : error instanceof TypeError ? 'decode' : 'api'
    return { ...found, kind, sent: { timeout: 'maybe', interrupted: 'maybe', connect: 'no', config: 'no' }[kind] ?? 'yes' }
  }
}
