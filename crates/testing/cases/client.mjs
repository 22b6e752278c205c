// Plays the cases of clients with a server on loopback that follows their scripts.
import { createServer } from 'node:http'

// An adapter has
//   name
//   reason(category, entry)     why the client cannot be asked this, if so
//   call(entry, { baseUrl, fetch })   makes the call and resolves with its result, or throws
//   describe(error)             what a program finds in that error, see `compareError`
// and `elsewhere`: reasons for the kinds of files that it does not play.
export function clientPlayer(adapter) {
  return {
    plays: ['client', 'token'].filter(kind => !adapter.elsewhere[kind]),
    elsewhere: { receiver: 'the case is one of a receiver, and a client is played', ...adapter.elsewhere },
    reason: adapter.reason,
    async play(_, entry) {
      const stage = await makeStage(entry)
      const waits = (entry.expect.waits ?? []).reduce((sum, [, most]) => sum + most, 0)
      const limit = 1_500 + 1_000 * (waits + (entry.settings?.timeout ?? 0))
      let timer
      const tooLong = new Promise(resolve => { timer = setTimeout(resolve, limit, { late: `no result within ${limit} ms` }) })
      const call = Promise.resolve()
        .then(() => adapter.call(entry, stage))
        .then(value => ({ value }), async error => ({ error: await adapter.describe(error) }))
      const outcome = await Promise.race([call, tooLong])
      clearTimeout(timer)
      stage.close()
      return outcome.late ? [['result', outcome.late]] : compare(entry.expect, stage.requests, outcome)
    },
    notes: () => [`client: ${adapter.name}`]
  }
}

// A server for each case, so that no connection of one case is used by the next.
async function makeStage(entry) {
  const steps = entry.script.flatMap(step => Array(step.times ?? 1).fill(step))
  const requests = Object.assign([], { strangers: 0 })
  const began = performance.now()
  const note = request => requests.push({ ...request, at: (performance.now() - began) / 1000 })
  const servers = []
  const listen = async handle => {
    const server = createServer(handle)
    servers.push(server)
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${server.address().port}`
  }
  const stranger = await listen((_, response) => { requests.strangers += 1; response.end('{}') })
  const service = await listen(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const [path, query = ''] = request.url.split(/\?(.*)/s)
    note({ method: request.method, path, query, headers: request.headers, body: Buffer.concat(chunks).toString() })
    const step = steps.shift() ?? { status: 501, json: { code: 501, message: 'the script has no more steps' } }
    if (step.fault === 'never') return
    if (step.fault === 'dropped') return request.socket.destroy()
    if (step.fault === 'cut') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 }).write('{"taskId"')
      return setTimeout(() => request.socket.destroy(), 20)
    }
    const body = step.json ? Buffer.from(JSON.stringify(step.json))
      : step.base64 ? Buffer.from(step.base64, 'base64') : Buffer.from((step.body ?? '').repeat(step.repeat ?? 1))
    const headers = { ...(body.length ? { 'content-type': 'application/json' } : {}), ...step.headers, connection: 'close' }
    if (headers.location) headers.location = headers.location.replace('https://stranger.example', stranger)
    if (step.status !== 204 && step.status !== 304) headers['content-length'] = body.length
    response.sendDate = !headers.date
    response.writeHead(step.status, headers).end(body)
  })
  return {
    requests,
    baseUrl: `${service}/api/v1`,
    // A fetch for the client: every host is the service here, and a connection may be refused.
    fetch: async (input, init) => {
      const url = new URL(typeof input === 'string' ? input : input.url)
      if (steps[0]?.fault === 'refused') {
        steps.shift()
        note({ method: init?.method ?? 'GET', path: url.pathname, query: url.search.slice(1), headers: {}, body: '' })
        throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) })
      }
      return fetch(`${service}${url.pathname}${url.search}`, init)
    },
    close: () => { for (const server of servers) { server.closeAllConnections(); server.close() } }
  }
}

function compare(expect, requests, outcome) {
  const problems = []
  const check = (holds, name, problem) => { if (!holds) problems.push([name, problem]) }
  const range = [expect.requests ?? [0, Infinity]].flat()
  check(requests.length >= range[0] && requests.length <= range.at(-1), 'requests', `${requests.length} requests were sent, not ${expect.requests}`)
  for (const [index, [from, to]] of (expect.waits ?? []).entries()) {
    const waited = requests[index + 1]?.at - requests[index]?.at
    check(waited >= from && waited <= to + 0.5, 'waits', `wait ${index + 1} was ${waited} s, not ${from} to ${to} s`)
  }
  for (const [index, sent] of (expect.sent ?? []).entries()) {
    for (const [name, wanted] of Object.entries(sent)) {
      const request = requests[index]
      check(request && holdsOf(request, name, wanted), `sent ${name}`, `request ${index + 1}: ${name} is not ${JSON.stringify(wanted)}: ${JSON.stringify(request)}`)
    }
  }
  if (expect.strangers !== undefined) check(requests.strangers === expect.strangers, 'strangers', `${requests.strangers} requests went to another host`)
  if (!expect.error) {
    if (outcome.error) return [...problems, ['result', `it failed: ${outcome.error.message}`]]
    const text = JSON.stringify(outcome.value ?? null)
    if (expect.value) check(contains(JSON.parse(text), expect.value), 'value', `the value is ${text}`)
    if (expect.text) check(expect.text.every(part => text.includes(part)), 'text', `the result is ${text}`)
    if (expect.entries !== undefined) check(Object.values(outcome.value ?? {})[0]?.length === expect.entries, 'entries', `the list is ${text}`)
    return problems
  }
  if (!outcome.error) return [...problems, ['result', `it did not fail: ${JSON.stringify(outcome.value ?? null)}`]]
  return [...problems, ...compareError(expect.error, outcome.error)]
}

function holdsOf(request, name, wanted) {
  switch (name) {
    case 'method': case 'query': case 'body': return request[name] === wanted
    // Segment by segment, since some characters may be encoded or not.
    case 'path': {
      const segments = path => JSON.stringify(path.split('/').map(decodeURIComponent))
      return segments(request.path) === segments(wanted)
    }
    case 'parameters': {
      const sorted = pairs => JSON.stringify(pairs.map(pair => pair.join('=')).sort())
      return sorted([...new URLSearchParams(request.query)]) === sorted(wanted)
    }
    case 'headers': return Object.entries(wanted).every(([header, value]) => {
      const seen = request.headers[header] ?? null
      return seen === value || seen?.split(';')[0].trim() === value
    })
    case 'json': try { return canonical(JSON.parse(request.body)) === canonical(wanted) } catch { return false }
    case 'form': { const form = new URLSearchParams(request.body); return Object.entries(wanted).every(([key, value]) => form.get(key) === value) }
    case 'text': return wanted.every(part => request.body.includes(part))
    case 'lacks': return wanted.every(part => !request.body.includes(part))
    default: return false
  }
}

// An error as a program finds it: kind, status, code, message, shown (all that is printed), kept (all that is in it), request_id,
// retry_after, retryable, sent.
function compareError(expect, error) {
  const holds = {
    kind: wanted => [wanted].flat().includes(error.kind),
    message: wanted => wanted.every(part => error.message.includes(part)),
    hides: wanted => wanted.every(part => !error.shown.includes(part)),
    nowhere: wanted => wanted.every(part => !error.kept.includes(part)),
    longest: wanted => [...error.message].length <= wanted,
    one_line: () => !error.message.includes('\n')
  }
  return Object.entries(expect)
    .filter(([name, wanted]) => !(holds[name] ? holds[name](wanted) : error[name] === wanted))
    .map(([name, wanted]) => [`error ${name}`, `${name} is not ${JSON.stringify(wanted)}: ${JSON.stringify(error)}`])
}

function contains(whole, part) {
  if (Array.isArray(part)) return Array.isArray(whole) && whole.length === part.length && part.every((one, index) => contains(whole[index], one))
  if (part && typeof part === 'object') return Boolean(whole) && Object.entries(part).every(([name, value]) => contains(whole[name], value))
  return whole === part
}

function canonical(value) {
  if (!value || typeof value !== 'object' || Array.isArray(value)) return JSON.stringify(value)
  return JSON.stringify(Object.keys(value).sort().map(key => [key, canonical(value[key])]))
}
