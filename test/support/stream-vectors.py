"""Reads stream.json with nothing but docs/spec and pyca/cryptography: frames, secret, context, and a whole stream."""
import hashlib
import json
import sys

from vector_reader import H, fields, one, public_of, stream_sides, unframe

V = json.load(open(sys.argv[1]))

stream, writer_half, reader_half = H(V["streamId"]), H(V["writerSecret"]), H(V["readerSecret"])
bodies = {name: fields(H(body)) for name, body in V["sealedBodies"].items()}
START = {1: [stream], 2: [writer_half], 3: [b"zstd"], 4: [3], 5: ["build log, äöü".encode()]}
assert bodies["start"] == START
assert bodies["startLeast"] == {1: [stream], 2: [writer_half], 3: [b"identity"], 4: [1]}
assert bodies["accept"] == {1: [stream], 2: [reader_half], 3: [H(V["readerRatchetKey"])], 4: [524288]}
for number, name in enumerate(("notAccepted", "noSession", "unknownCodec", "busy", "unsupported"), 1):
    outer = fields(unframe(H(V["refusals"][name])))
    assert outer[1] == [7] and fields(outer[2][0])[1] == [number]

secret = hashlib.sha256(b"talos/stream-secret/v1\0" + writer_half + reader_half).digest()
assert secret.hex() == V["joinedSecret"]
context = b"/talos/stream/1.0.0\0%s\0%s\0" % (V["writer"]["peerId"].encode(), V["reader"]["peerId"].encode()) + stream
assert context.hex() == V["context"]
ratchet_secret = H(V["readerRatchetSecret"])
assert public_of(ratchet_secret).hex() == V["readerRatchetKey"]
writer, reader = stream_sides(secret, context, ratchet_secret, H(V["writerFirstRatchetSecret"]))
sides = {"writer": writer, "reader": reader}

TYPES = {"chunk": 4, "end": 5, "credit": 8}
for item in V["conversation"]:
    if item["newRatchetSecret"]:
        sides[item["from"]].new_key(H(item["newRatchetSecret"]))
    frame = fields(unframe(H(item["onTheWire"])))
    assert frame[1] == [TYPES[item["type"]]]
    plaintext = sides["reader" if item["from"] == "writer" else "writer"].open(frame[2][0])
    assert plaintext.hex() == item["plaintext"] and plaintext[0] == TYPES[item["type"]]
    got, said = fields(plaintext[1:]), item["message"]
    if item["type"] == "chunk":
        assert one(got, 1, 0) == said["number"] and one(got, 2, b"").hex() == said["block"]
    elif item["type"] == "credit":
        assert one(got, 1, 0) == said["taken"]
    else:
        assert one(got, 1, b"").decode() == said["code"] and one(got, 2, b"").decode() == said["message"]
        assert one(got, 3, 0) == said["chunks"]
print(f"{len(V['conversation'])} frames read")
