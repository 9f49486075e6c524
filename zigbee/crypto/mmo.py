"""AES-MMO-128: the hash of ZigBee, its HMAC, and the keys derived with it from a link key.

Source: ZigBee specification 053474, Annex B.1.3, B.1.4 and B.6 (B.4 in later revisions); the
derived keys: clause 4.5.3.  All values are octet strings, first octet first; lengths inside the
padding are big-endian.  Nothing here is truncated.  Not constant-time: for test keys only.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DIGEST_LENGTH = 16
"""Length of a digest, of a hash block and of every derived key, in octets."""

_BLOCK = 16
_SHORT_LIMIT = 1 << 16  # message length in bits from which the second padding rule holds
_LONG_LIMIT = 1 << 32
_INNER = bytes.maketrans(bytes(range(256)), bytes(octet ^ 0x36 for octet in range(256)))
_OUTER = bytes.maketrans(bytes(range(256)), bytes(octet ^ 0x5C for octet in range(256)))


def _padding(length: int) -> bytes:
    """What the hash appends to a message of ``length`` octets (053474 Annex B.6)."""
    bits = 8 * length
    if bits < _SHORT_LIMIT:
        return b"\x80" + bytes((13 - length) % _BLOCK) + bits.to_bytes(2, "big")
    if bits < _LONG_LIMIT:
        return b"\x80" + bytes((9 - length) % _BLOCK) + bits.to_bytes(4, "big") + b"\x00\x00"
    raise ValueError(f"AES-MMO hashes less than 2^29 octets, not {length}")


def mmo_hash(data: bytes) -> bytes:
    """Return the 16-octet AES-MMO digest of ``data`` (053474 Annex B.6).

    H_0 is zero and H_i = AES(key = H_(i-1), M_i) xor M_i.  Raises ValueError from 2^29 octets on,
    for which the specification defines no padding.
    """
    message = data + _padding(len(data))
    state = bytes(DIGEST_LENGTH)
    ecb = modes.ECB()
    for start in range(0, len(message), _BLOCK):
        block = message[start : start + _BLOCK]
        sealed = Cipher(algorithms.AES(state), ecb).encryptor().update(block)
        mixed = int.from_bytes(sealed, "big") ^ int.from_bytes(block, "big")
        state = mixed.to_bytes(_BLOCK, "big")
    return state


def hmac_mmo(key: bytes, data: bytes) -> bytes:
    """Return the 16-octet HMAC of ``data`` with AES-MMO (053474 Annex B.1.4).

    The block is 16 octets: a shorter ``key`` is padded with zeros, a longer one is hashed first.
    """
    if len(key) > _BLOCK:
        key = mmo_hash(key)
    block = key.ljust(_BLOCK, b"\x00")
    return mmo_hash(block.translate(_OUTER) + mmo_hash(block.translate(_INNER) + data))


def key_transport_key(link_key: bytes) -> bytes:
    """Key that protects a Transport Key carrying a network key (key identifier 2; 4.5.3)."""
    return hmac_mmo(_link_key(link_key), b"\x00")


def key_load_key(link_key: bytes) -> bytes:
    """Key that protects a Transport Key carrying a link key (key identifier 3; 4.5.3)."""
    return hmac_mmo(_link_key(link_key), b"\x02")


def verify_key(link_key: bytes) -> bytes:
    """Hash of the link key that a Verify Key command carries (4.5.3, revision 21 and later)."""
    return hmac_mmo(_link_key(link_key), b"\x03")


def swap_out_key(link_key: bytes) -> bytes:
    """Hash of a link key that a trust center backs up and a replacement uses in its place.

    Unverified: 075356, 5.4.2.2.3.6 is provisional in 1.1, its content is known from a later
    revision only, and no vector was published for this use (the hash itself has some).
    """
    return mmo_hash(_link_key(link_key))


def _link_key(link_key: bytes) -> bytes:
    if len(link_key) != DIGEST_LENGTH:
        raise ValueError(f"a link key has 16 octets, not {len(link_key)}")
    return link_key
