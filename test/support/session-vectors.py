"""Reads session.json with nothing but docs/spec/session.md and pyca/cryptography: handshake, ratchet, stream, signatures.

ML-KEM is not in Debian's cryptography, so its shared secret is taken from the file.
"""
import hashlib
import hmac
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VECTORS = json.load(open(sys.argv[1]))
H = bytes.fromhex


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


def verify(public, label, body, signature):
    Ed25519PublicKey.from_public_bytes(public).verify(signature, label + b"\0" + body)


def kdf_rk(rk, shared):
    both = hkdf(shared, rk, b"talos/ratchet-root/v1", 64)
    return both[:32], both[32:]


def mac(key, byte):
    return hmac.new(key, bytes([byte]), hashlib.sha256).digest()


class Ratchet:
    """Receives only; it is given the secrets of the ratchet keys that its own side makes."""

    def __init__(self, ad, root, own, remote=None, receive=None):
        self.ad, self.root, self.own, self.remote, self.receive = ad, root, own, remote, receive
        self.nr, self.skipped = 0, {}

    def step(self, secret):
        self.own = secret
        self.root, _ = kdf_rk(self.root, dh(secret, self.remote))

    def skip(self, until):
        while self.nr < until:
            self.skipped[self.remote, self.nr] = mac(self.receive, 1)
            self.receive, self.nr = mac(self.receive, 2), self.nr + 1

    def open(self, message):
        assert message[0] == 1
        remote, pn, n = message[1:33], int.from_bytes(message[33:37], "big"), int.from_bytes(message[37:41], "big")
        key = self.skipped.pop((remote, n), None)
        if key is None:
            if remote != self.remote:
                if self.receive is not None:
                    self.skip(pn)
                self.remote, self.nr = remote, 0
                self.root, self.receive = kdf_rk(self.root, dh(self.own, remote))
            self.skip(n)
            key, self.receive, self.nr = mac(self.receive, 1), mac(self.receive, 2), n + 1
        both = hmac.new(key, b"talos/ratchet-message/v1\0" + message[41:57], hashlib.sha512).digest()
        assert both[32:] == message[57:89]
        return ChaCha20Poly1305(both[:32]).decrypt(bytes(12), message[89:], self.ad + message[:89])


def handshake(shown):
    alice, bob, prekeys = VECTORS["alice"], VECTORS["bob"], VECTORS["prekeys"]
    init, bundle = H(shown["initiation"]), H(VECTORS["bundle"])
    assert len(init) == 1270 and init[0] == 1
    flags, identity, agreement, ek = init[1], init[10:42], init[42:74], init[138:170]
    assert (flags == 3) == shown["usesOneTimePrekeys"]
    assert identity.hex() == alice["ed25519PublicKey"] and public_of(H(shown["ephemeralSecret"])) == ek
    verify(identity, b"talos/agreement-key/v1", identity + agreement, init[74:138])

    verify(H(bob["ed25519PublicKey"]), b"talos/prekey-bundle/v1", bundle[:-64], bundle[-64:])
    fields, at = {}, 74
    for name, size in (("signed", 32), ("lastResortKem", 1184), ("oneTime", 32), ("oneTimeKem", 1184)):
        assert int.from_bytes(bundle[at:at + 4], "big") == prekeys[name]["id"]
        fields[name] = bundle[at + 4:at + 4 + size]
        at += 4 + size
    assert at == len(bundle) - 64 and bundle[:2] == b"\1\3"

    signed, one_time, ik = H(prekeys["signed"]["x25519Secret"]), H(prekeys["oneTime"]["x25519Secret"]), H(bob["x25519Secret"])
    assert public_of(signed) == fields["signed"] and public_of(one_time) == fields["oneTime"]
    ikm = b"\xff" * 32 + dh(signed, agreement) + dh(ik, ek) + dh(signed, ek)
    if flags & 1:
        ikm += dh(one_time, ek)
    ikm += H(shown["kemSharedSecret"])
    transcript = (init + H(bob["ed25519PublicKey"]) + bundle[34:66] + fields["signed"]
                  + (fields["oneTime"] if flags & 1 else bytes(32))
                  + fields["oneTimeKem" if flags & 2 else "lastResortKem"])
    sk = hkdf(ikm, b"", b"talos/pqxdh/v1\0" + hashlib.sha256(transcript).digest(), 32)
    sid, root = hkdf(sk, b"", b"talos/session-id/v1", 16), hkdf(sk, b"", b"talos/session-root/v1", 32)
    assert sid.hex() == shown["sid"]
    first = H(shown["firstRatchetSecret"])
    assert [x.hex() for x in kdf_rk(root, dh(first, fields["signed"]))] == [
        shown["rootKeyAfterFirstStep"], shown["firstSendChain"]]
    return sid, root, signed, fields["signed"], first


def run(sides, messages, unwrap):
    late = []
    for item in messages:
        receiver = sides["bob" if item["from"] == "alice" else "alice"]
        if item["newRatchetSecret"]:
            sides[item["from"]].step(H(item["newRatchetSecret"]))
        task = (receiver, unwrap(H(item["message"])), H(item["plaintext"]))
        if item.get("delivered", "at once") == "at once":
            assert task[0].open(task[1]) == task[2]
        else:
            late.append(task)
    for receiver, message, plaintext in late:
        assert receiver.open(message) == plaintext
    return len(messages)


handshake(VECTORS["handshakeWithoutOneTimePrekeys"])
sid, root, signed, signed_public, first = handshake(VECTORS["handshake"])
alice_id, bob_id = H(VECTORS["alice"]["ed25519PublicKey"]), H(VECTORS["bob"]["ed25519PublicKey"])
ad = alice_id + bob_id + sid
alice = Ratchet(ad, root, None, signed_public)
alice.step(first)
bob = Ratchet(ad, root, signed)


def unwrap_session(message):
    if message[0] == 1:
        assert message[1:1271].hex() == VECTORS["handshake"]["initiation"]
        return message[1271:]
    assert message[0] == 2 and message[1:17] == sid
    return message[17:]


count = run({"alice": alice, "bob": bob}, VECTORS["messages"], unwrap_session)

notice = H(VECTORS["noSessionNoticeFromBob"])
assert notice[:81] == b"\1" + bob_id + alice_id + sid
verify(bob_id, b"talos/no-session/v1", notice[:81], notice[81:])

s = VECTORS["stream"]
secret, context, key = H(s["secret"]), H(s["context"]), H(s["responderKeySecret"])
root = hkdf(secret, b"", b"talos/stream-root/v1\0" + context, 32)
chain = hkdf(secret, b"", b"talos/stream-first/v1\0" + context, 32)
ad = hashlib.sha256(context).digest()
initiator = Ratchet(ad, root, None, public_of(key), chain)
initiator.step(H(s["firstRatchetSecret"]))
responder = Ratchet(ad, root, key)
names = {"initiator": "alice", "responder": "bob"}
items = [{**m, "from": names[m["from"]]} for m in s["messages"]]
count += run({"alice": initiator, "bob": responder}, items, lambda m: m)
print(f"{count} messages read")
