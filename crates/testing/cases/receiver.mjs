// Plays the cases of receivers against a URL.
import { createHmac, randomUUID } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'

export function receiverPlayer(options) {
  const run = randomUUID().slice(0, 8)
  let uncounted = 0
  return {
    plays: ['receiver'],
    elsewhere: {
      client: 'the case is one of a client, and a receiver is played',
      token: 'the case is one of a token endpoint, and a receiver is played'
    },
    reason(_, entry) {
      if (entry.handler && !options.handler) return 'the handler of this receiver does not fail on demand (say --handler when it does)'
      if (options.unsigned && entry.deliveries.some(one => one.sign)) return 'this receiver takes no signatures (--unsigned)'
    },
    async play(category, entry) {
      const problems = []
      const setup = filled(category.setup)
      for (const [index, delivery] of filled(entry.deliveries).entries()) {
        const number = `delivery ${index + 1}`
        const { expect } = delivery
        const reply = await send(options.url, message(setup, delivery))
        const statuses = [expect.status].flat()
        if (!statuses.includes(reply.status)) {
          problems.push(['status', `${number} got ${reply.status}, not ${statuses.join(' or ')}: ${reply.body.slice(0, 200)}`])
        }
        const shown = (expect.hides ?? []).find(part => reply.body.includes(part))
        if (shown) problems.push(['hides', `the reply to ${number} shows ${shown}`])
        if (expect.handled === undefined) continue
        if (!options['handled-url']) {
          uncounted += 1
          continue
        }
        const id = expect.id ?? event(setup, delivery).id
        const list = JSON.parse((await send(options['handled-url'], { method: 'GET', headers: {}, body: Buffer.alloc(0) })).body)
        const seen = list.filter(one => one === id).length
        if (seen !== expect.handled) problems.push(['handled', `after ${number} ${id} was handled ${seen} times, not ${expect.handled}`])
      }
      return problems

      function filled(value) {
        const text = JSON.stringify(value).replaceAll('{{run}}', run).replaceAll('{{case}}', entry.id)
        return JSON.parse(text.replaceAll('{{key}}', category.setup.key))
      }
    },
    notes: () => uncounted ? [`${uncounted} counts of handled events were not compared: no --handled-url`] : []
  }
}

function event(setup, delivery) {
  const changed = { ...setup.event, ...delivery.changes }
  for (const name of delivery.without ?? []) delete changed[name]
  return changed
}

function message(setup, delivery) {
  let body
  if (delivery.body !== undefined) body = Buffer.from(delivery.body)
  else if (delivery.base64 !== undefined) body = Buffer.from(delivery.base64, 'base64')
  else body = Buffer.from((delivery.before ?? '') + JSON.stringify(event(setup, delivery)))
  if (delivery.pad_to) body = Buffer.concat([body, Buffer.alloc(delivery.pad_to - body.length, ' ')])
  let headers = { ...setup.headers }
  if (delivery.sign) {
    delete headers['x-one-webhook-key']
    headers = { ...headers, ...signature(setup, delivery.sign, body) }
  }
  headers = { ...headers, ...delivery.headers }
  for (const name of Object.keys(headers)) if (headers[name] === null) delete headers[name]
  return { method: delivery.method ?? 'POST', headers, body }
}

function signature(setup, sign, body) {
  const now = Math.floor(Date.now() / 1000)
  const said = now - (sign.age ?? 0)
  const signed = now - (sign.signed_age ?? sign.age ?? 0)
  const id = sign.id ?? 'msg_of_the_cases'
  const secret = Buffer.from((sign.secret ?? setup.secret).replace('whsec_', ''), 'base64')
  const mac = createHmac('sha256', secret).update(`${id}.${signed}.`).update(sign.body ?? body).digest('base64')
  return {
    'webhook-id': id, 'webhook-timestamp': String(said),
    'webhook-signature': `${sign.before ?? ''}${sign.prefix ?? 'v1,'}${mac}`
  }
}

// Sends by hand: a receiver may reply and close before it has read a large body.
function send(url, { method, headers, body }) {
  return new Promise(resolve => {
    const lengthOf = body.length || !['GET', 'HEAD'].includes(method) ? { 'content-length': body.length } : {}
    const transport = url.startsWith('https:') ? https : http
    const request = transport.request(url, { method, headers: { ...headers, ...lengthOf, connection: 'close' }, timeout: 10_000 })
    const end = (status, text) => resolve({ status, body: text })
    request.on('response', response => {
      const chunks = []
      const done = () => end(response.statusCode, Buffer.concat(chunks).toString())
      response.on('data', chunk => chunks.push(chunk)).on('end', done).on('error', done)
    })
    request.on('timeout', () => request.destroy(new Error('no reply in 10 s')))
    request.on('error', error => end(`no reply (${error.code ?? error.message})`, ''))
    request.end(body)
  })
}
