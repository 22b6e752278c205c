// The same receiver on Node: size, key, media type, event, once each. Prints its URL on the first line.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const digest = (text) => createHash('sha256').update(text).digest();
const key = digest('bench-webhook-key-0c93d1');
const seen = new Map();
const CAPACITY = 16384;

const server = createServer((request, response) => {
  const reply = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  if (request.method !== 'POST') return reply(405, '{"ok":false}');
  if (!timingSafeEqual(digest(request.headers['x-one-webhook-key'] ?? ''), key)) return reply(401, '{"ok":false}');
  const chunks = [];
  let length = 0;
  request.on('data', (chunk) => {
    length += chunk.length;
    if (length <= 256 * 1024) chunks.push(chunk);
  });
  request.on('end', async () => {
    if (length > 256 * 1024) return reply(413, '{"ok":false}');
    if (!/^application\/(cloudevents\+)?json/.test(request.headers['content-type'] ?? '')) return reply(415, '{"ok":false}');
    let event;
    try {
      event = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    } catch {
      return reply(400, '{"ok":false}');
    }
    if (typeof event.id !== 'string' || event.specversion !== '1.0') return reply(400, '{"ok":false}');
    if (seen.has(event.id)) return reply(200, '{"ok":true,"duplicate":true}');
    seen.set(event.id, Date.now());
    if (seen.size > CAPACITY) seen.delete(seen.keys().next().value);
    await Promise.resolve();
    return reply(200, '{"ok":true}');
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/webhook`));
