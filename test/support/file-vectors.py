"""Reads file.json with nothing but docs/spec/file.md and pyca/cryptography: frames, keys, both directions, trees."""
import hashlib
import json
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from vector_reader import H, fields as repeated, hkdf, unframe

V = json.load(open(sys.argv[1]))
sha = lambda data: hashlib.sha256(data).digest()


def fields(data):
    """Nothing is repeated here: field number -> value."""
    return {number: values[-1] for number, values in repeated(data).items()}


def tree(leaves):
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return sha(b"\0" + leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\1" + tree(leaves[:k]) + tree(leaves[k:]))


offer = fields(H(V["sealedBodies"]["offer"]))
answer = fields(H(V["sealedBodies"]["answer"]))
assert offer[3] == b"report.pdf" and offer[5] == 600000 and offer[6] == 1 and 4 not in offer
assert fields(H(V["sealedBodies"]["answerWithSome"]))[5] == 300
assert fields(H(V["sealedBodies"]["answerDeclined"]))[2] == 2
assert fields(H(V["sealedBodies"]["offerCancelled"]))[8] == 1
assert [fields(fields(unframe(H(v)))[2])[1] for v in V["refusals"].values()] == [1, 2, 3]
assert fields(unframe(H(V["wait"])))[1] == 6

assert fields(H(V["sealedBodies"]["offerWithAes"]))[9] == 1 and 9 not in offer
assert fields(H(V["sealedBodies"]["answerWithAes"]))[7] == 1 and 7 not in answer

info = b"\0".join([b"talos/file-stream/v1", b"/talos/file/1.0.0", V["sender"].encode(), V["receiver"].encode(), offer[1]])
keys, aes = (hkdf(offer[2] + answer[4], b"", info + bytes([cipher]), 78) for cipher in (0, 1))
assert keys[:39] == H(V["streamKeys"]["content"]) and keys[39:] == H(V["streamKeys"]["control"])
assert aes[:39] == H(V["streamKeysWithAes"]["content"]) and aes[39:] == H(V["streamKeysWithAes"]["control"])

read = 0
for cipher, key, messages in (
    (ChaCha20Poly1305, keys[:39], V["fromSender"]),
    (ChaCha20Poly1305, keys[39:], V["fromReceiver"]),
    (AESGCM, aes[:39], V["fromSenderWithAes"]),
):
    for i, message in enumerate(messages):
        frame = fields(unframe(H(message["onTheWire"])))
        last = frame[1] == 5
        assert frame[1] in (4, 5) and last == (i == len(messages) - 1)
        nonce = key[32:] + i.to_bytes(4, "big") + bytes([last])
        assert cipher(key[:32]).decrypt(nonce, frame[2], None) == H(message["message"])
        read += 1

entry = H(V["fromSender"][0]["message"])
assert entry[:2] == b"\1\0" and int.from_bytes(entry[2:10], "big") == 10 and entry[50:].decode() == "a/ü"
assert H(V["fromSender"][2]["message"])[1:33] == sha(H(V["fromSender"][1]["message"])[1:])
assert H(V["fromSender"][2]["message"])[33:] == sha(b"\0" + sha(H(V["fromSender"][1]["message"])[1:]))

size = V["chunkLength"]
assert size == 4 * (65535 - 16) - 12 - 26
for file in V["files"]:
    content = bytes((7 * i + i // 251) % 256 for i in range(file["size"]))
    assert sha(content) == H(file["sha256"])
    ends = [min(at + size, len(content)) for at in range(0, len(content), size)]
    assert tree([sha(content[:end]) for end in ends]) == H(file["root"])

print(f"{read} messages and {len(V['files'])} files read")
