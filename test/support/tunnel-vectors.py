"""Reads tunnel.json with nothing but docs/spec and pyca/cryptography: frames, secret, context, and a whole conversation."""
import hashlib
import hmac
import json
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

V = json.load(open(sys.argv[1]))
H = bytes.fromhex


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def unframe(data):
    length, at = varint(data, 0)
    assert len(data) == at + length
    return data[at:]


def fields(data):
    """Protobuf: field number -> list of values (numbers, or bytes)."""
    out, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            assert tag & 7 == 2
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        out.setdefault(tag >> 3, []).append(value)
    return out


def one(message, number, default):
    return message.get(number, [default])[0]


def hkdf(ikm, salt, info, length):
    prk = hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out, i = out + block, i + 1
    return out[:length]


def dh(secret, public):
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))


def public_of(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def mac(key, byte):
    return hmac.new(key, bytes([byte]), hashlib.sha256).digest()


class Side:
    """One side of a stream session that loses nothing: docs/spec/session.md, sections 5 and 7."""

    def __init__(self, ad, root, own=None, remote=None, receive=None):
        self.ad, self.root, self.own, self.remote, self.receive = ad, root, own, remote, receive
        self.nr = 0

    def step_root(self):
        both = hkdf(dh(self.own, self.remote), self.root, b"talos/ratchet-root/v1", 64)
        self.root = both[:32]
        return both[32:]

    def new_key(self, secret):
        self.own = secret
        self.step_root()

    def open(self, message):
        assert message[0] == 1
        remote, n = message[1:33], int.from_bytes(message[37:41], "big")
        if remote != self.remote:
            self.remote, self.nr = remote, 0
            self.receive = self.step_root()
        assert n == self.nr
        key, self.receive, self.nr = mac(self.receive, 1), mac(self.receive, 2), self.nr + 1
        both = hmac.new(key, b"talos/ratchet-message/v1\0" + message[41:57], hashlib.sha512).digest()
        assert both[32:] == message[57:89]
        return ChaCha20Poly1305(both[:32]).decrypt(bytes(12), message[89:], self.ad + message[:89])


for item in V["lengthPrefixes"]:
    assert varint(H(item["prefix"]), 0) == (item["length"], len(item["prefix"]) // 2)

assert fields(unframe(H(V["prekeys"]["request"]))) == {1: [1]}
assert fields(unframe(H(V["prekeys"]["requestWithoutOneTime"]))) == {}
assert fields(unframe(H(V["prekeys"]["response"]))) == {1: [b"\1\2\3"]}
assert fields(unframe(H(V["prekeys"]["refusedNotAuthorised"]))) == {2: [1]}

tunnel, opener_half, host_half = H(V["tunnelId"]), H(V["openerSecret"]), H(V["hostSecret"])
bodies = {name: fields(H(body)) for name, body in V["sealedBodies"].items()}
OPEN = {1: [tunnel], 2: [opener_half], 6: [10485760]}
assert bodies["open"] == {**OPEN, 3: [b"files"]}
assert bodies["openOnlyService"] == OPEN
assert bodies["openResume"] == {**OPEN, 3: [b"files"], 4: [1], 5: [300]}
accept = bodies["accept"]
assert accept == {1: [tunnel], 2: [host_half], 3: [H(V["hostRatchetKey"])], 5: [10485760], 6: [b"files"], 7: [30000]}
assert bodies["acceptResume"] == {**accept, 4: [70000]}
for number, name in enumerate(
    ("notAuthorised", "noSession", "unknownService", "unknownTunnel", "busy", "unsupported"), 1
):
    outer = fields(unframe(H(V["refusals"][name])))
    assert outer[1] == [3] and fields(outer[2][0])[1] == [number]

secret = hashlib.sha256(b"talos/tunnel-secret/v1\0" + opener_half + host_half).digest()
assert secret.hex() == V["joinedSecret"]
context = b"/talos/mcp/1.0.0\0%s\0%s\0" % (V["opener"]["peerId"].encode(), V["host"]["peerId"].encode()) + tunnel
assert context.hex() == V["context"]
root = hkdf(secret, b"", b"talos/stream-root/v1\0" + context, 32)
first_chain = hkdf(secret, b"", b"talos/stream-first/v1\0" + context, 32)
ad = hashlib.sha256(context).digest()
ratchet_secret = H(V["hostRatchetSecret"])
assert public_of(ratchet_secret).hex() == V["hostRatchetKey"]
opener = Side(ad, root, remote=public_of(ratchet_secret), receive=first_chain)
opener.new_key(H(V["openerFirstRatchetSecret"]))
sides = {"opener": opener, "host": Side(ad, root, own=ratchet_secret)}

for item in V["conversation"]:
    if item["newRatchetSecret"]:
        sides[item["from"]].new_key(H(item["newRatchetSecret"]))
    frame = fields(unframe(H(item["onTheWire"])))
    assert frame[1] == [4]
    plaintext = sides["host" if item["from"] == "opener" else "opener"].open(frame[2][0])
    assert plaintext.hex() == item["plaintext"]
    got, said = fields(plaintext), item["message"]
    assert one(got, 1, 0) == said.get("first", 0) and one(got, 3, 0) == said.get("consumed", 0)
    assert [line.decode() for line in got.get(2, [])] == said.get("lines", [])
    assert one(got, 4, 0) == said.get("ping", False) and one(got, 5, 0) == said.get("pong", False)
    assert (6 in got) == ("end" in said)
    if 6 in got:
        end = fields(got[6][0])
        assert one(end, 1, b"").decode() == said["end"]["code"] and one(end, 2, b"").decode() == said["end"]["message"]
print(f"{len(V['conversation'])} messages read")
