"""Reads witness.json with nothing but docs/spec and pyca/cryptography: is a witness that gives the same answers, and checks evidence."""
import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from vector_reader import H, fields, one

V = json.load(open(sys.argv[1]))
sha = lambda data: hashlib.sha256(data).digest()
number = lambda data: int.from_bytes(data, "big")
node = lambda left, right: sha(b"\1" + left + right)


def signed(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


def read_key(text):
    name, digits, encoded = text.split("+", 2)
    key = base64.b64decode(encoded)
    assert sha(name.encode() + b"\n" + key)[:4].hex() == digits
    return name, H(digits), key[0], key[1:]


def check(text, lines, key):
    """The time of the signature (0 for a log's), or None."""
    name, digits, kind, public = key
    for line in lines:
        dash, signer, encoded = line.split(" ")
        data = base64.b64decode(encoded)
        if dash != "—" or signer != name or data[:4] != digits:
            continue
        if kind == 1:
            return 0 if signed(public, text.encode(), data[4:]) else None
        time = number(data[4:12])
        return time if signed(public, f"cosignature/v1\ntime {time}\n{text}".encode(), data[12:]) else None


def open_note(note):
    text, lines = note.rsplit("\n\n", 1)
    return text + "\n", lines.rstrip("\n").split("\n")


def roots(m, n, path):
    """Of the first m and of all n leaves; the last complete subtree of the first is what the path begins with."""
    if m == n:
        # the whole, or what is left of it to the right
        found = path.pop(0)
        return found, found
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        first, left = roots(m, k, path)
        return first, node(left, path.pop(0))
    first, right = roots(m - k, n - k, path)
    left = path.pop(0)
    return node(left, first), node(left, right)


def consistent(m, n, old, new, path):
    """RFC 6962 section 2.1.2, from the top down."""
    path = list(path)

    def walk(m, n, whole):
        # the roots of the first m and of all n leaves
        if m == n:
            if whole:
                return old, old
            last = path.pop(0)
            return last, last
        k = 1
        while k * 2 < n:
            k *= 2
        if m <= k:
            first, left = walk(m, k, whole)
            return first, node(left, path.pop(0))
        first, right = walk(m - k, n - k, False)
        left = path.pop(0)
        return node(left, first), node(left, right)

    if m == 0:
        return not path
    if m == n:
        return old == new and not path
    try:
        return walk(m, n, True) == (old, new) and not path
    except IndexError:
        return False


# a witness
LOG, WITNESS = read_key(V["logKey"]), read_key(V["witnessKey"])
chain_id = sha(b"talos/chain/v1\0" + H(V["params"]))
origin = "talos/" + base64.urlsafe_b64encode(chain_id).decode().rstrip("=")
assert LOG[0] == origin and H(V["params"])[-32:] == LOG[3] and H(V["params"])[2] == 0
size, root, latest, evidence = 0, sha(b""), None, b""
for exchange in V["exchanges"]:
    request, response = fields(H(exchange["request"])), fields(H(exchange["response"]))
    status, body = one(response, 1, 0), one(response, 2, b"").decode()
    if 3 in request:
        assert request[3] == [chain_id] and status == 200
        text, lines = open_note(body)
        assert text == latest and check(text, lines, LOG) == 0 and check(text, lines, WITNESS) > 0
        continue
    head, note = one(request, 1, b"").decode().split("\n\n", 1)
    first, *path = head.split("\n")
    old = int(first.removeprefix("old "))
    text, lines = open_note(note)
    name, new_size, new_root = text.rstrip("\n").split("\n")
    assert name == origin and check(text, lines, LOG) == 0
    assert one(request, 2, H(V["params"])) == H(V["params"])
    new_size, new_root = int(new_size), base64.b64decode(new_root)
    is_second = not evidence and latest is not None and new_size == size and new_root != root
    if evidence:
        expected = 403
    elif old != size:
        expected = 409
        assert body == f"{size}\n"
    else:
        expected = 200 if consistent(old, new_size, root, new_root, map(base64.b64decode, path)) else 422
    if is_second:
        evidence = one(response, 3, b"")
    assert status == expected and one(response, 3, b"") == evidence
    if expected == 200:
        assert check(text, body.rstrip("\n").split("\n"), WITNESS) > 0
        size, root, latest = new_size, new_root, text
assert evidence


# evidence
class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        assert self.at + length <= len(self.data)
        self.at += length
        return self.data[self.at - length:self.at]

    def part(self, size):
        return self.take(number(self.take(size)))


def genesis_hash(params):
    own = sha(b"talos/chain/v1\0" + params)
    at = 4 + params[3]
    header = b"\0\1\0\0" + bytes(4) + params[at:at + 8] + own + 2 * sha(b"") + bytes(40) + params[at + 8:at + 12] + bytes(8)
    return sha(b"talos/block/v1\0" + header)


def first_path_length(size):
    length = 0
    while size > 1:
        k = 1
        while k * 2 < size:
            k *= 2
        size, length = k, length + 1
    return length


for item in V["evidence"]:
    data = H(item["bytes"])
    assert item["text"] == "talos/evidence@v1\n" + base64.b64encode(data).decode() + "\n"
    reader = Reader(data)
    version, what = reader.take(2)
    assert version == 1
    hashes, places = [], []
    if what == 1:
        params = reader.part(2)
        culprit = params[-32:]
        assert params[2] == 0
        for _ in range(2):
            header, signature = reader.take(164), reader.take(64)
            height = number(header[4:8])
            found = sha(b"\0" + genesis_hash(params))
            for _ in range(first_path_length(height)):
                found = node(found, reader.take(32))
            assert found == header[80:112] and header[112:144] == culprit
            hashes.append(sha(b"talos/block/v1\0" + header))
            assert signed(culprit, b"talos/block-seal/v1\0" + hashes[-1], signature)
            places.append(height)
    elif what == 2:
        own = reader.take(32)
        for _ in range(2):
            record, signature = reader.part(4), reader.take(64)
            culprit = record[4:36]
            hashes.append(sha(record))
            assert signed(culprit, b"talos/chain-record/v1\0" + own + hashes[-1], signature)
            places.append((record[4:36], record[36:40], number(record[40:48])))
    else:
        assert what in (3, 4)
        name, kind, culprit = reader.part(1), reader.take(1), reader.take(32)
        key = (name.decode(), sha(name + b"\n" + kind + culprit)[:4], kind[0], culprit)
        for _ in range(2):
            text, lines = open_note(reader.part(4).decode())
            assert len(lines) == 1 and check(text, lines, key) is not None
            chain, size, root = text.rstrip("\n").split("\n")
            assert kind[0] != 1 or chain == name.decode()
            hashes.append(base64.b64decode(root))
            places.append((chain, int(size)))
    if what == 4:
        chain, older, newer = places[0][0], places[0][1], places[1][1]
        assert chain == places[1][0] and 0 < older < newer
        path = [reader.take(32) for _ in range(reader.take(1)[0])]
        # the root that the larger state has for the smaller size is not the one that was signed for it
        found, whole = roots(older, newer, path)
        assert whole == hashes[1] and found != hashes[0] and not path
        places[1], hashes = places[0], sorted([hashes[0], found])
    assert reader.at == len(data) and places[0] == places[1] and hashes[0] < hashes[1]
    place = places[0] if what == 1 else places[0][-1]
    assert culprit.hex() == item["culprit"] and place == item["place"]

print(f"{len(V['exchanges'])} exchanges and {len(V['evidence'])} pieces of evidence read")
