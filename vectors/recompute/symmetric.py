"""Recomputation of AES, CCM, the hash, its HMAC, link keys and installation codes."""

from __future__ import annotations

from .. import Case, VectorFile
from .rule import Rule, Values, flipped_bits, rule, same_but
from .textbook import aes, ccm, ccm_open, crc, crc_x25, hmac, mmo

MIC_LENGTHS = {1: 4, 2: 8, 3: 16, 4: 0, 5: 4, 6: 8, 7: 16}  # by security level
CODE_LENGTHS = (6, 8, 12, 16)

_CCM_FIELDS = "key nonce aad ct tag securityLevel"


def _block(_: VectorFile, case: Case) -> Values:
    yield "ciphertext", aes(case.octets("key"), case.octets("plaintext"))


def _ccm(_: VectorFile, case: Case) -> Values:
    key, nonce, aad, tag = (case.octets(name) for name in ("key", "nonce", "aad", "tag"))
    if "tagSize" in case:
        yield "(the MIC has the length of its group)", len(tag) == case["tagSize"]
    if not case.valid:
        yield "(the MIC is wrong)", ccm_open(key, nonce, case.octets("ct"), aad, tag) is None
        return
    message = case.octets("msg")
    yield from zip(("ct", "tag"), ccm(key, nonce, message, aad, len(tag)), strict=True)


def _ccm_star(file: VectorFile, case: Case) -> Values:
    key, nonce, aad, tag = (case.octets(name) for name in ("key", "nonce", "aad", "tag"))
    level = case["securityLevel"]
    length = MIC_LENGTHS[level]
    if case.valid:
        message = case.octets("msg")
        sealed, mic = ccm(key, nonce, message, aad, length)
        yield "ct", sealed
        yield "tag", mic
        yield "frame", aad + sealed + mic
        yield "(the nonce ends with the level)", nonce[-1] == level
        yield "(levels 1 to 3 encrypt nothing)", level > 3 or not message
        return
    received = case.octets("ct") + tag
    wrong = len(received) < length
    if not wrong:
        split = len(received) - length
        wrong = ccm_open(key, nonce, received[:split], aad, received[split:]) is None
    yield "(the MIC is wrong)", wrong
    base, fault = file.case(case["base"]), file.fault(case)
    changed = {
        "FlippedMicBit": "tag",
        "FlippedCiphertextBit": "ct",
        "FlippedAadBit": "aad",
        "WrongNonce": "nonce",
        "TruncatedMic": "tag",
    }[fault]
    yield f"(only {changed} was changed)", same_but(case, base, changed, _CCM_FIELDS)
    if fault == "TruncatedMic":
        yield "(one octet of the MIC is missing)", base.octets("tag")[:-1] == tag
    elif fault == "WrongNonce":
        wrong_nonce = base.octets("nonce")[:-1] + b"\x00"
        yield "(the level in the nonce is 0 instead)", nonce == wrong_nonce != base.octets("nonce")
    else:
        bits = flipped_bits(case.octets(changed), base.octets(changed))
        yield f"(one bit of {changed} was changed)", bits == 1


def _hash(_: VectorFile, case: Case) -> Values:
    yield "digest", mmo(case.octets("msg"))


def _hmac(_: VectorFile, case: Case) -> Values:
    yield "mac", hmac(case.octets("key"), case.octets("msg"))


def _link_key(_: VectorFile, case: Case) -> Values:
    key = case.octets("linkKey")
    yield "keyTransportKey", hmac(key, b"\x00")
    yield "keyLoadKey", hmac(key, b"\x02")
    yield "verifyKeyHash", hmac(key, b"\x03")


def _install_code(file: VectorFile, case: Case) -> Values:
    if not case.valid:
        yield from _bad_install_code(file, case)
        return
    code = case.octets("code")
    yield "codeBits", 8 * len(code)
    yield "crcAppended", crc_x25(code)
    yield "installCode", code + crc_x25(code)
    yield "linkKey", mmo(code + crc_x25(code))
    yield "(the length is allowed)", len(code) in CODE_LENGTHS


def _bad_install_code(file: VectorFile, case: Case) -> Values:
    fault, installed = file.fault(case), case.octets("installCode")
    code, tail = installed[:-2], installed[-2:]
    if fault == "BadLength":
        yield "(the CRC is right)", tail == crc_x25(code)
        yield "(the length is not allowed)", len(code) not in CODE_LENGTHS
        return
    base = file.case(case["base"])
    if fault == "MissingCrc":
        yield "(it is the code alone)", installed == base.octets("code")
        yield "(its length is not allowed)", len(code) not in CODE_LENGTHS
        return
    yield "(the length is allowed)", len(code) in CODE_LENGTHS
    yield "(the CRC is wrong)", tail != crc_x25(code)
    if fault == "BadCrc":
        bits = flipped_bits(installed, base.octets("installCode"))
        yield "(one bit was changed)", bits == 1
        return
    yield "(the code was not changed)", code == base.octets("code")
    if fault == "WrongCrcOrder":
        yield "(the octets of the CRC are exchanged)", tail[::-1] == crc_x25(code)
    else:
        xmodem = crc(code, 0x0000, 0x1021, reflected=False).to_bytes(2, "big")
        yield "(the CRC is CRC-16/XMODEM)", tail in (xmodem, xmodem[::-1])


RULES: dict[str, Rule] = {
    "AesBlock": rule("key plaintext", _block),
    "AesCcm": rule("key nonce aad msg ct tag", _ccm),
    "AesCcmStar": rule("key nonce aad msg ct tag securityLevel", _ccm_star, "frame"),
    "AesCcmStarMacFrame": rule("key nonce aad msg securityLevel", _ccm_star),
    "AesMmo": rule("msg", _hash),
    "HmacMmo": rule("key msg", _hmac),
    "LinkKeyDerivation": rule("linkKey", _link_key),
    "InstallCode": rule("code installCode", _install_code),
}
