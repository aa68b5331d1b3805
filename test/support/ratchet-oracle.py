"""The second opinion: Debian's python3-doubleratchet with Talos' KDFs and message form, one JSON request a line."""
import asyncio
import base64
import hashlib
import hmac
import json
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from doubleratchet import (
    AEAD, AuthenticationFailedException, DoSProtectionException, DoubleRatchet, DuplicateMessageException,
    EncryptedMessage, Header
)
from doubleratchet.recommended import diffie_hellman_ratchet_curve25519, kdf_hkdf, kdf_separate_hmacs, HashFunction
import os


class RootKDF(kdf_hkdf.KDF):
    @staticmethod
    def _get_hash_function():
        return HashFunction.SHA_256

    @staticmethod
    def _get_info():
        return b"talos/ratchet-root/v1"


class ChainKDF(kdf_separate_hmacs.KDF):
    @staticmethod
    def _get_hash_function():
        return HashFunction.SHA_256


class TalosAEAD(AEAD):
    @staticmethod
    def _keys(key, salt):
        both = hmac.new(key, b"talos/ratchet-message/v1\0" + salt, hashlib.sha512).digest()
        return both[:32], both[32:]

    @staticmethod
    async def encrypt(plaintext, key, associated_data):
        salt = os.urandom(16)
        enc, com = TalosAEAD._keys(key, salt)
        sealed = ChaCha20Poly1305(enc).encrypt(bytes(12), plaintext, associated_data + salt + com)
        return salt + com + sealed

    @staticmethod
    async def decrypt(ciphertext, key, associated_data):
        salt, com, sealed = ciphertext[:16], ciphertext[16:48], ciphertext[48:]
        enc, expected = TalosAEAD._keys(key, salt)
        if not hmac.compare_digest(com, expected):
            raise AuthenticationFailedException("commitment")
        try:
            return ChaCha20Poly1305(enc).decrypt(bytes(12), sealed, associated_data + salt + com)
        except InvalidTag as e:
            raise AuthenticationFailedException("tag") from e


def encode_header(header):
    return (b"\x01" + header.ratchet_pub + header.previous_sending_chain_length.to_bytes(4, "big")
            + header.sending_chain_length.to_bytes(4, "big"))


class Ratchet(DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data, header):
        return associated_data + encode_header(header)


CONFIG = dict(
    diffie_hellman_ratchet_class=diffie_hellman_ratchet_curve25519.DiffieHellmanRatchet,
    root_chain_kdf=RootKDF,
    message_chain_kdf=ChainKDF,
    message_chain_constant=b"\x02\x01",
    dos_protection_threshold=1000,
    max_num_skipped_message_keys=2000,
    aead=TalosAEAD
)


def to_wire(message):
    return encode_header(message.header) + message.ciphertext


def from_wire(data):
    header = Header(data[1:33], int.from_bytes(data[33:37], "big"), int.from_bytes(data[37:41], "big"))
    return EncryptedMessage(header, data[41:])


async def main():
    ratchet = None
    setup = {}
    for line in sys.stdin:
        request = {k: base64.b64decode(v) if k != "op" else v for k, v in json.loads(line).items()}
        op = request["op"]
        try:
            if op == "setup":
                ratchet = None
                setup = request
                answer = b""
            elif op == "seal" and ratchet is None:
                ratchet, message = await Ratchet.encrypt_initial_message(
                    **CONFIG, shared_secret=setup["root"], recipient_ratchet_pub=setup["remote"],
                    message=request["data"], associated_data=setup["ad"])
                answer = to_wire(message)
            elif op == "seal":
                answer = to_wire(await ratchet.encrypt_message(request["data"], setup["ad"]))
            elif ratchet is None:
                ratchet, answer = await Ratchet.decrypt_initial_message(
                    **CONFIG, shared_secret=setup["root"], own_ratchet_priv=setup["own"],
                    message=from_wire(request["data"]), associated_data=setup["ad"])
            else:
                answer = await ratchet.decrypt_message(from_wire(request["data"]), setup["ad"])
            print(json.dumps({"data": base64.b64encode(answer).decode()}), flush=True)
        except DuplicateMessageException:
            print(json.dumps({"error": "duplicate"}), flush=True)
        except DoSProtectionException:
            print(json.dumps({"error": "skip"}), flush=True)
        except (AuthenticationFailedException, ValueError):
            print(json.dumps({"error": "forged"}), flush=True)

asyncio.run(main())
