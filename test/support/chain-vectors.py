"""Reads chain.json with nothing but docs/spec/chain.md and pyca/cryptography: trees, commitments, both chains, proofs, archives."""
import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from vector_reader import H, hkdf

V = json.load(open(sys.argv[1]))
sha = lambda data: hashlib.sha256(data).digest()
number = lambda data: int.from_bytes(data, "big")


def leaf(data):
    return sha(b"\0" + data)


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root(hashes):
    if not hashes:
        return sha(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return sha(b"\1" + root(hashes[:k]) + root(hashes[k:]))


def path(m, hashes):
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    return path(m, hashes[:k]) + [root(hashes[k:])] if m < k else path(m - k, hashes[k:]) + [root(hashes[:k])]


def subproof(m, hashes, whole):
    if m == len(hashes):
        return [] if whole else [root(hashes)]
    k = split(len(hashes))
    if m <= k:
        return subproof(m, hashes[:k], whole) + [root(hashes[k:])]
    return subproof(m - k, hashes[k:], False) + [root(hashes[:k])]


def follow(node, index, size, path):
    """The root that a path of RFC 6962 leads to, from the top down; the path has exactly the right length."""
    if size == 1:
        assert not path
        return node
    k = split(size)
    if index < k:
        return sha(b"\1" + follow(node, index, k, path[:-1]) + path[-1])
    return sha(b"\1" + path[-1] + follow(node, index - k, size - k, path[:-1]))


def path_length(index, size):
    length = 0
    while size > 1:
        k = split(size)
        index, size, length = (index, k, length + 1) if index < k else (index - k, size - k, length + 1)
    return length


def signed(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        assert self.at + length <= len(self.data)
        self.at += length
        return self.data[self.at - length:self.at]

    def uint(self, length):
        return number(self.take(length))

    def end(self):
        assert self.at == len(self.data)


def value_bytes(value):
    if isinstance(value, str):
        return b"\1" + value.encode()
    if isinstance(value, int):
        return b"\2" + value.to_bytes(8, "big")
    return b"\0" + H(value["hex"])


def field_leaf(salt, name, value):
    return leaf(salt + bytes([len(name)]) + name + value)


# 1. trees
T = V["tree"]
hashes = [leaf(H(data)) for data in T["leaves"]]
assert [root(hashes[:n]).hex() for n in range(10)] == T["roots"]
for item in T["inclusion"]:
    assert [node.hex() for node in path(item["index"], hashes)] == item["path"]
    assert follow(hashes[item["index"]], item["index"], 9, [H(node) for node in item["path"]]).hex() == T["roots"][9]
for item in T["consistency"]:
    assert [node.hex() for node in subproof(item["from"], hashes, True)] == item["path"]

# 2. commitments
P = V["payload"]
names = [field["name"].encode() for field in P["fields"]]
values = [value_bytes(field["value"]) for field in P["fields"]]
salts = b"".join(hashlib.sha512(b"talos/record-salts/v1\0" + H(P["secret"]) + bytes([j])).digest() for j in range(8))
salts = [salts[16 * i:16 * i + 16] for i in range(len(names))]
assert root([field_leaf(*field) for field in zip(salts, names, values)]).hex() == P["commitment"]


# 5. work
def target_of(bits):
    exponent, mantissa = bits >> 24, bits & 0xFFFFFF
    assert mantissa < 0x800000
    return mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)


for item in V["work"]:
    target, most = target_of(item["bits"]), 2 ** (256 - 4 * item["difficulty"]) - 1
    assert f"{target:x}" == item["target"] and 2 ** 256 // (target + 1) == int(item["work"])
    assert target <= most < target + 256 ** ((item["bits"] >> 24) - 3)


# 3. records
def read_record(data):
    reader = Reader(data)
    record = {}
    assert reader.uint(1) == 0 and reader.uint(1) == 1
    record["kind"] = reader.uint(1)
    assert 1 <= record["kind"] <= 12 and reader.uint(1) == 0
    for name, length in (("author", 32), ("stream", 4), ("sequence", 8), ("previous", 32), ("time", 8), ("commitment", 32)):
        record[name] = reader.take(length)
    extensions = Reader(reader.take(reader.uint(2)))
    reader.end()
    record["extensions"], last = {}, 0
    while extensions.at < len(extensions.data):
        kind = extensions.uint(1)
        assert last < kind <= 3
        record["extensions"][kind] = extensions.take(extensions.uint(2))
        last = kind
    return record


def read_header(data):
    reader = Reader(data)
    assert reader.uint(2) == 1
    header = {}
    for name, length in (("flags", 2), ("height", 4), ("time", 8), ("previous", 32), ("records_root", 32), ("history_root", 32),
                         ("producer", 32), ("count", 4), ("length", 4), ("bits", 4), ("nonce", 8)):
        header[name] = reader.take(length) if length == 32 else reader.uint(length)
    reader.end()
    assert header["flags"] in (0, 1)
    return header


block_hash = lambda header: sha(b"talos/block/v1\0" + header)


# 4. and 5. chains
def read_params(data):
    reader = Reader(data)
    assert reader.uint(2) == 1
    params = {"admission": reader.uint(1)}
    params["name"] = reader.take(reader.uint(1)).decode()
    for name, length in (("time", 8), ("bits", 4), ("spacing", 4), ("block", 4), ("records", 4), ("record", 4), ("kinds", 4)):
        params[name] = reader.uint(length)
    params["keys"] = [reader.take(32) for _ in range(reader.uint(2))]
    reader.end()
    assert params["keys"] == sorted(params["keys"])
    return params


# 8. claims, all of the first chain
def read_claim(record, claims):
    assert (record["kind"] == 11) == (2 in record["extensions"])
    if record["kind"] != 11:
        return
    reader = Reader(record["extensions"][2])
    chain, size, claimed, previous = reader.take(32), reader.uint(8), reader.take(32), reader.uint(8)
    assert chain.hex() == V["local"]["id"] and previous == claims.get((record["author"], chain), 0) < size
    leaves = [leaf(H(item)) for item in V["local"]["hashes"][:size]]
    assert len(leaves) == size and claimed == root(leaves)
    for node in subproof(previous, leaves, True) if previous else []:
        assert reader.take(32) == node
    reader.end()
    claims[record["author"], chain] = size


def read_chain(chain):
    params, chain_id = read_params(H(chain["params"])), sha(b"talos/chain/v1\0" + H(chain["params"]))
    assert chain_id.hex() == chain["id"]
    is_signed = params["admission"] != 0
    genesis = b"\0\1" + bytes([0, is_signed]) + bytes(4) + params["time"].to_bytes(8, "big") + chain_id + 2 * sha(b"")
    genesis += bytes(32 + 4 + 4) + params["bits"].to_bytes(4, "big") + bytes(8)
    assert genesis.hex() == chain["genesis"]
    hashes, heads, claims, count = [block_hash(genesis)], {}, {}, 0
    for block in map(H, chain["blocks"]):
        header, signature, body = read_header(block[:164]), block[164:228], Reader(block[228:])
        hashes.append(block_hash(block[:164]))
        assert number(hashes[-1]) <= target_of(header["bits"]) and header["bits"] == params["bits"]
        assert header["height"] == len(hashes) - 1 and header["previous"] == hashes[-2]
        assert header["history_root"] == root([leaf(item) for item in hashes[:-1]])
        assert header["producer"] in params["keys"] and header["flags"] == is_signed
        assert signed(header["producer"], b"talos/block-seal/v1\0" + hashes[-1], signature)
        assert header["length"] == len(block) - 228 and len(block) <= params["block"]
        ids = []
        for _ in range(header["count"]):
            data = body.take(body.uint(4))
            record = read_record(data)
            ids.append(sha(data))
            assert params["kinds"] >> record["kind"] & 1 and record["author"] in params["keys"]
            head = heads.get((record["author"], record["stream"]), (0, bytes(32)))
            assert (number(record["sequence"]) - 1, record["previous"]) == head
            heads[record["author"], record["stream"]] = (number(record["sequence"]), ids[-1])
            if is_signed:
                read_claim(record, claims)
                assert signed(record["author"], b"talos/chain-record/v1\0" + chain_id + ids[-1], body.take(64))
            count += 1
        body.end()
        assert root(ids) == header["records_root"]
    assert [item.hex() for item in hashes] == chain["hashes"]
    assert root([leaf(item) for item in hashes]).hex() == chain["historyRoot"]
    return count


records = read_chain(V["local"]) + read_chain(V["shared"])
first = H(V["local"]["blocks"][0])
assert read_record(first[232:232 + number(first[228:232])])["commitment"].hex() == P["commitment"]


# 7. proofs
def read_key(text):
    name, digits, encoded = text.split("+", 2)
    key = base64.b64decode(encoded)
    assert sha(name.encode() + b"\n" + key)[:4].hex() == digits
    return name, H(digits), key[0], key[1:]


def check_signature(text, lines, key):
    name, digits, kind, public = read_key(key)
    for line in lines:
        dash, signer, encoded = line.split(" ")
        data = base64.b64decode(encoded)
        if dash != "—" or signer != name or data[:4] != digits:
            continue
        if kind == 1:
            return signed(public, text.encode(), data[4:])
        message = f"cosignature/v1\ntime {number(data[4:12])}\n{text}"
        return signed(public, message.encode(), data[12:])
    return False


def read_extra(data):
    reader = Reader(data)
    assert reader.uint(1) == 1
    index, start, end = reader.uint(4), reader.take(48), reader.take(84)
    signature = reader.take(64)
    record = b"\0" + reader.take(reader.uint(2))
    header = read_header(start + bytes(32) + end)
    record_signature = reader.take(64) if header["flags"] else None
    node = follow(sha(record), index, header["count"], [reader.take(32) for _ in range(path_length(index, header["count"]))])
    opened = []
    for _ in range(reader.uint(1)):
        at, count, salt = reader.uint(1), reader.uint(1), reader.take(16)
        name = reader.take(reader.uint(1))
        value = reader.take(reader.uint(4))
        hashes = [reader.take(32) for _ in range(path_length(at, count))]
        assert follow(field_leaf(salt, name, value), at, count, hashes) == read_record(record)["commitment"]
        assert value == values[names.index(name)]
        opened.append(name.decode())
    reader.end()
    return start + node + end, header, signature, record, record_signature, opened


for proof in V["proofs"]:
    top, note = proof["text"].split("\n\n", 1)
    head, extra, index, *lines = top.split("\n")
    assert head == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ")
    extra = base64.b64decode(extra[6:])
    header_bytes, header, signature, record, record_signature, opened = read_extra(extra)
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    origin, size, top_root = text.rstrip("\n").split("\n")
    lines = [base64.b64decode(line) for line in lines]
    assert index == f"index {header['height']}"
    node = block_hash(header_bytes)
    assert follow(leaf(node), header["height"], int(size), lines) == base64.b64decode(top_root)
    assert signed(header["producer"], b"talos/block-seal/v1\0" + node, signature)
    chain_id = base64.urlsafe_b64decode(origin[6:] + "=")
    author = read_record(record)["author"]
    if record_signature is None:
        assert author == header["producer"]
    else:
        assert signed(author, b"talos/chain-record/v1\0" + chain_id + sha(record), record_signature)
    lines_of_note = signatures.rstrip("\n").split("\n")
    assert read_key(proof["logKey"])[0] == origin
    assert check_signature(text, lines_of_note, proof["logKey"]) and check_signature(text, lines_of_note, V["witnessKey"])
    assert not check_signature(text.replace("\n", "\n1", 1), lines_of_note, proof["logKey"])
    assert opened == proof["opened"]
    packed = len(extra).to_bytes(4, "big") + int(size).to_bytes(8, "big") + extra + b"".join(lines) + note.encode()
    assert packed.hex() == proof["bytes"]

# 9. archives
def part(reader):
    return reader.take(reader.uint(4))


def read_private(data, commitment):
    reader, fields = Reader(data), []
    secret = reader.take(32)
    for _ in range(reader.uint(1)):
        name = reader.take(reader.uint(1))
        fields.append((name, reader.take(reader.uint(4))))
    reader.end()
    salts = b"".join(hashlib.sha512(b"talos/record-salts/v1\0" + secret + bytes([j])).digest() for j in range(8))
    leaves = [field_leaf(salts[16 * i:16 * i + 16], *field) for i, field in enumerate(fields)]
    assert root(leaves) == commitment
    return dict(fields)


def open_sealed(data, seed):
    head, boxes, plain = data[:29 + 32], data[29 + 32:], b""
    assert head.startswith(b"talos-chain-archive-sealed/1\n")
    key = hkdf(seed, head[29:], b"talos/chain-archive/v1", 32)
    for number in range(-(-len(boxes) // 65552)):
        box = boxes[65552 * number:65552 * (number + 1)]
        nonce = number.to_bytes(11, "big") + bytes([65552 * (number + 1) >= len(boxes)])
        plain += ChaCha20Poly1305(key).decrypt(nonce, box, head)
    return plain


def sealed(plain, seed, salt):
    head, boxes = b"talos-chain-archive-sealed/1\n" + salt, b""
    key = hkdf(seed, salt, b"talos/chain-archive/v1", 32)
    count = -(-len(plain) // 65536)
    for number in range(count):
        nonce = number.to_bytes(11, "big") + bytes([number == count - 1])
        boxes += ChaCha20Poly1305(key).encrypt(nonce, plain[65536 * number:65536 * (number + 1)], head)
    return head + boxes


A = V["archive"]
reader = Reader(H(A["archive"]))
assert reader.take(22) == b"talos-chain-archive/1\n"
encoded = part(reader)
assert read_params(encoded)["keys"] == [H(A["owner"])]
chain_id, hashes, kept = sha(b"talos/chain/v1\0" + encoded), [], []
genesis = b"\0\1" + bytes(6) + read_params(encoded)["time"].to_bytes(8, "big") + chain_id + 2 * sha(b"")
genesis += bytes(32 + 4 + 4) + read_params(encoded)["bits"].to_bytes(4, "big") + bytes(8)
hashes.append(block_hash(genesis))
while block := part(reader):
    header, body = read_header(block[:164]), Reader(block[228:])
    hashes.append(block_hash(block[:164]))
    assert header["previous"] == hashes[-2] and header["producer"] == H(A["owner"])
    assert signed(header["producer"], b"talos/block-seal/v1\0" + hashes[-1], block[164:228])
    for _ in range(header["count"]):
        record = read_record(part(body))
        private, content = part(reader), part(reader)
        kept.append((read_private(private, record["commitment"]) if private else None, content))
    body.end()
note = part(reader).decode()
reader.end()
text, signatures = note.rsplit("\n\n", 1)
origin, size, top_root = text.split("\n")
assert origin == "talos/" + base64.urlsafe_b64encode(chain_id).rstrip(b"=").decode() and int(size) == len(hashes)
assert base64.b64decode(top_root) == root([leaf(item) for item in hashes])
kind = b"\1" + H(A["owner"])
digits = sha(origin.encode() + b"\n" + kind)[:4].hex()
key = origin + "+" + digits + "+" + base64.b64encode(kind).decode()
assert check_signature(text + "\n", signatures.rstrip("\n").split("\n"), key)
assert [private is None for private, _ in kept] == [False, True, False]
assert kept[0][1] == H(A["content"]) and kept[0][0][b"content"] == b"\0" + sha(H(A["content"]))
assert [content for _, content in kept[1:]] == [b"", b""]
assert Ed25519PrivateKey.from_private_bytes(H(A["seed"])).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex() == A["owner"]
assert open_sealed(H(A["sealed"]), H(A["seed"])) == H(A["archive"])
long = bytes(i % 251 for i in range(A["long"]["length"]))
assert sha(sealed(long, H(A["seed"]), H(A["long"]["salt"]))).hex() == A["long"]["sha256"]

print(f"{records} records, {len(V['proofs'])} proofs and an archive read")
