"""Signs and verifies with the `standardwebhooks` package of PyPI.

python pypi.py sign CASES OUT      writes id, timestamp, secret, body and signature of each case
python pypi.py verify IN           verifies such a file, and that a changed body is refused
"""

import json
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook, WebhookVerificationError

verb, path = sys.argv[1:3]
with open(path, encoding="utf-8") as file:
    cases = json.load(file)


def body(case):
    if "repeat" in case:
        return json.dumps(json.loads(case["body"]) * case["repeat"])
    return case["body"]


if verb == "sign":
    now = datetime.now(tz=timezone.utc)
    signed = [
        {
            "name": case["name"],
            "id": case["id"],
            "secret": case["secret"],
            "timestamp": int(now.timestamp()),
            "body": body(case),
            "signature": Webhook(case["secret"]).sign(case["id"], now, body(case)),
        }
        for case in cases
    ]
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        json.dump(signed, file)
else:
    for case in cases:
        headers = {
            "webhook-id": case["id"],
            "webhook-timestamp": str(case["timestamp"]),
            "webhook-signature": case["signature"],
        }
        webhook = Webhook(case["secret"])
        webhook.verify(case["body"], headers)
        try:
            webhook.verify(case["body"] + " ", headers)
        except WebhookVerificationError:
            continue
        raise SystemExit(f"{case['name']}: a changed body was accepted")
print(f"pypi: {verb} {len(cases)}")
