"""What the readers of the vectors share, from docs/spec and pyca/cryptography alone: protobuf, frames, stream sessions."""
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

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
            assert at + length <= len(data)
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


def stream_sides(secret, context, responder_secret, initiator_secret):
    """The initiator and the responder of a stream session: docs/spec/session.md, section 7."""
    root = hkdf(secret, b"", b"talos/stream-root/v1\0" + context, 32)
    first_chain = hkdf(secret, b"", b"talos/stream-first/v1\0" + context, 32)
    ad = hashlib.sha256(context).digest()
    initiator = Side(ad, root, remote=public_of(responder_secret), receive=first_chain)
    initiator.new_key(initiator_secret)
    return initiator, Side(ad, root, own=responder_secret)
