// Signs and verifies with the `standardwebhooks` package of npm.
//   node npm.mjs sign CASES OUT      writes id, timestamp, secret, body and signature of each case
//   node npm.mjs verify IN           verifies such a file, and that a changed body is refused
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Webhook } = createRequire(process.env.NODE_PATH + "/")("standardwebhooks");
const [verb, input, output] = process.argv.slice(2);
const cases = JSON.parse(readFileSync(input, "utf8"));

function body({ body, repeat }) {
  return repeat ? JSON.stringify(JSON.parse(body).repeat(repeat)) : body;
}

if (verb === "sign") {
  const now = new Date();
  const timestamp = Math.floor(now.getTime() / 1000);
  const signed = cases.map((one) => ({
    name: one.name,
    id: one.id,
    secret: one.secret,
    timestamp,
    body: body(one),
    signature: new Webhook(one.secret).sign(one.id, now, body(one)),
  }));
  writeFileSync(output, JSON.stringify(signed));
} else {
  for (const { name, id, secret, timestamp, body, signature } of cases) {
    const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
    const webhook = new Webhook(secret);
    webhook.verify(body, headers);
    let refused = false;
    try {
      webhook.verify(body + " ", headers);
    } catch {
      refused = true;
    }
    if (!refused) throw new Error(`${name}: a changed body was accepted`);
  }
}
console.log(`npm: ${verb} ${cases.length}`);
