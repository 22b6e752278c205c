// A receiver on Node with the package `pg`, on the same PostgreSQL: one insert for each event, as a careful user writes it.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.argv[2], max: 8 })
// Two replicas that create it at the same time disturb each other: the one that loses finds it there.
await pool.query('CREATE TABLE IF NOT EXISTS node_event (id text PRIMARY KEY, body text, at timestamptz DEFAULT now())').catch(() => {})

const digest = (text) => createHash('sha256').update(text).digest()
const key = digest('the-key')

const server = createServer((request, response) => {
  const reply = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  if (!timingSafeEqual(digest(request.headers['x-one-webhook-key'] ?? ''), key)) return reply(401, '{"ok":false}')
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', async () => {
    try {
      const body = Buffer.concat(chunks).toString('utf8')
      const event = JSON.parse(body)
      const put = { name: 'put', text: 'INSERT INTO node_event (id, body) VALUES ($1, $2) ON CONFLICT DO NOTHING', values: [event.id, body] }
      await pool.query(put)
      reply(200, '{"ok":true}')
    } catch (error) {
      reply(500, '{"ok":false}')
    }
  })
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit(0)).resume()
