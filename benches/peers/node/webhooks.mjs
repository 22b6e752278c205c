// Verifies deliveries: reads lines "BYTES REPETITIONS", prints a line of JSON with microseconds per delivery for each.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createInterface } from 'node:readline';

const key = 'bench-webhook-key-0c93d1';
const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
const digest = (text) => createHash('sha256').update(text).digest();

// As the official templates do it: digests of both keys, compared; then the body is parsed and its fields checked.
function byKey(headers, body) {
  if (!timingSafeEqual(digest(headers['x-one-webhook-key']), digest(key))) throw new Error('unauthorized');
  const event = JSON.parse(body.toString('utf8'));
  for (const name of ['specversion', 'id', 'source', 'type', 'time', 'workspaceid']) {
    if (typeof event[name] !== 'string') throw new Error(name);
  }
  return event;
}

function bySignature(headers, body) {
  const mac = createHmac('sha256', secret);
  mac.update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`).update(body);
  const expected = mac.digest();
  const offered = Buffer.from(headers['webhook-signature'].slice(3), 'base64');
  if (!timingSafeEqual(expected, offered)) throw new Error('unauthorized');
}

function delivery(bytes) {
  const event = (text) =>
    `{"specversion":"1.0","id":"evt_2b7f","source":"https://onehorizon.ai/workspaces/w_7hd2kp","type":"onehorizon.task.updated",` +
    `"datacontenttype":"application/json","time":"2026-05-11T08:15:00Z","workspaceid":"w_7hd2kp","data":{"resource":` +
    `{"type":"task","id":"tsk_4qm9xt2b","taskId":"tsk_4qm9xt2b"},"actor":{"type":"user","id":"u_3fz8lq"},"task":` +
    `{"taskId":"tsk_4qm9xt2b","title":"Recap e-mail is sent twice","status":"planned","mood":"calm","description":"${text}"}}}`;
  const sentence = 'Members of two teams receive the recap twice. ';
  const body = Buffer.from(event(sentence.repeat(bytes / sentence.length + 1).slice(0, bytes - event('').length)));
  const headers = { 'x-one-webhook-key': key, 'webhook-id': 'msg_2b7f', 'webhook-timestamp': '1778487300' };
  const mac = createHmac('sha256', secret).update('msg_2b7f.1778487300.').update(body).digest('base64');
  return { body, headers: { ...headers, 'webhook-signature': `v1,${mac}` } };
}

function time(repetitions, work) {
  const started = process.hrtime.bigint();
  for (let n = 0; n < repetitions; n += 1) work();
  return Number(process.hrtime.bigint() - started) / 1e3 / repetitions;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [bytes, repetitions] = line.split(' ').map(Number);
  const { headers, body } = delivery(bytes);
  const template_us = time(repetitions, () => byKey(headers, body));
  const signature_us = time(repetitions, () => bySignature(headers, body));
  console.log(JSON.stringify({ template_us, signature_us }));
}
