"""Judges the cases of broadcast.json with nothing but docs/spec/broadcast.md and pyca/cryptography."""
import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vector_reader import H, fields, one

V = json.load(open(sys.argv[1]))
seen = set()


def judge(envelope):
    if len(envelope) > 66048:
        return "reject"
    try:
        outer = fields(envelope)
        signed, signature = outer[1][-1], outer[2][-1]
        inner = fields(signed)
        ident, topic, sender = inner[1][0], inner[2][0].decode(), inner[3][0]
        sent, kind, content = one(inner, 4, 0), one(inner, 5, b"").decode(), one(inner, 6, b"")
    except (AssertionError, KeyError, IndexError):
        return "reject"
    if len(ident) != 16 or ident[6] >> 4 != 7 or ident[8] >> 6 != 2 or topic != V["topic"] or len(sender) != 32:
        return "reject"
    if not re.fullmatch(r"[!-~][ -~]{0,126}", kind) or len(content) > 65536:
        return "reject"
    if abs(V["now"] - sent) > 300000 or (sender, ident) in seen:
        return "ignore"
    try:
        Ed25519PublicKey.from_public_bytes(sender).verify(signature, b"talos/broadcast/v1\0" + signed)
    except InvalidSignature:
        return "reject"
    seen.add((sender, ident))
    return "accept"


read = 0
for case in V["cases"]:
    if "envelope" not in case:
        continue
    envelope = H(case["envelope"])
    assert hashlib.sha256(envelope).hexdigest() == case["messageId"], case["name"]
    assert judge(envelope) == case["verdict"], case["name"]
    read += 1
print(f"{read} cases judged")
