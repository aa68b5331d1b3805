"""Reads tunnel.json with nothing but docs/spec and pyca/cryptography: frames, secret, context, and a whole conversation."""
import hashlib
import json
import sys

from vector_reader import H, fields, one, public_of, stream_sides, unframe, varint

V = json.load(open(sys.argv[1]))

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
assert accept == {1: [tunnel], 2: [host_half], 3: [H(V["hostRatchetKey"])], 5: [10485760], 6: [b"files"], 7: [30000], 8: [H(V["hostId"])]}
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
ratchet_secret = H(V["hostRatchetSecret"])
assert public_of(ratchet_secret).hex() == V["hostRatchetKey"]
opener, host = stream_sides(secret, context, ratchet_secret, H(V["openerFirstRatchetSecret"]))
sides = {"opener": opener, "host": host}

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
