"""Recomputation of secured NWK and APS frames (053474, 4.3 to 4.5)."""

from __future__ import annotations

from .. import Case, VectorFile
from .rule import Rule, Values, flipped_bits, rule
from .textbook import ccm, ccm_open, hmac

LEVEL = 5
MIC = 4


def _nwk_header_length(frame: bytes) -> int:
    """Length of the NWK header by its frame control (053474, 3.3.1)."""
    control = int.from_bytes(frame[:2], "little")
    length = 8
    length += 8 * (control >> 11 & 1)  # destination EUI-64
    length += 8 * (control >> 12 & 1)  # source EUI-64
    length += control >> 8 & 1  # multicast control
    if control >> 10 & 1:  # source route: count, index, addresses
        length += 2 + 2 * frame[length]
    return length


def _aux_length(control: int) -> int:
    """Length of the auxiliary header by its control octet (053474, 4.5.1)."""
    return 5 + 8 * (control >> 5 & 1) + (control >> 3 & 3 == 1)


def _layer(frame: bytes, header_length: int, level: int, key: bytes) -> dict[str, object]:
    """Every part of one secured layer, and its plaintext (None when the MIC is wrong)."""
    header, rest = frame[:header_length], frame[header_length:]
    aux, sealed = rest[: _aux_length(rest[0])], rest[_aux_length(rest[0]) :]
    restored = bytes((aux[0] & 0xF8 | level,)) + aux[1:]
    nonce = aux[5:13] + aux[1:5] + restored[:1]
    aad = header + restored
    ct, mic = sealed[:-MIC], sealed[-MIC:]
    return {
        "header": header,
        "auxiliaryHeader": aux,
        "securityControlOnAir": aux[:1],
        "keyIdentifier": aux[0] >> 3 & 3,
        "frameCounter": int.from_bytes(aux[1:5], "little"),
        "sourceAddressOnAir": aux[5:13],
        "nonce": nonce,
        "aad": aad,
        "ct": ct,
        "mic": mic,
        "plaintext": ccm_open(key, nonce, ct, aad, mic),
    }


def _frame(file: VectorFile, case: Case) -> Values:
    if not case.valid:
        yield from _refused(file, case)
        return
    mac = case.octets("macFrame")
    yield "(the MAC header has two short addresses and one PAN)", mac[:2].hex() in ("4188", "6188")
    yield "macHeader", mac[:9]
    yield "nwkFrame", mac[9:]
    nwk = mac[9:]
    aps = nwk[_nwk_header_length(nwk) :]
    if "nwk" in case:
        parts = _layer(nwk, _nwk_header_length(nwk), case["securityLevel"], case.octets("nwk.key"))
        yield from ((f"nwk.{name}", value) for name, value in parts.items())
        yield "(the network key secures the NWK frame)", parts["keyIdentifier"] == 1
        aps = case.octets("nwk.plaintext")
    yield "(APS security is flagged)", ("aps" in case) == ("ApsSecured" in case.flags)
    if "aps" in case:
        link_key = case.octets("aps.linkKey")
        yield "(the APS frame is a command)", aps[0] & 3 == 1
        parts = _layer(aps, 2, case["securityLevel"], case.octets("aps.key"))
        yield from ((f"aps.{name}", value) for name, value in parts.items())
        derived = {0: link_key, 2: hmac(link_key, b"\x00"), 3: hmac(link_key, b"\x02")}
        yield "aps.key", derived[aps[2] >> 3 & 3]


def _refused(file: VectorFile, case: Case) -> Values:
    fault, base = file.fault(case), file.case(case["base"])
    frame, key, original = (
        case.octets("nwkFrame"),
        case.octets("networkKey"),
        base.octets("nwkFrame"),
    )
    header = _nwk_header_length(frame)
    parts = _layer(frame, header, LEVEL, key)
    yield "(the MIC is wrong)", parts["plaintext"] is None
    yield "(the layer is NWK)", case["layer"] == "NWK"
    if fault == "WrongKey":
        yield "(the frame was not changed)", frame == original
        yield "(one bit of the key was changed)", flipped_bits(key, base.octets("nwk.key")) == 1
        return
    yield "(the key is right)", key == base.octets("nwk.key")
    body = header + 14
    plain = base.octets("nwk.plaintext")
    if fault == "UnpatchedSecurityLevel":
        nonce, aad = _material(original, header, level=0)
    elif fault == "WrongSourceAddress":
        nonce, aad = _material(original, header, level=LEVEL)
        nonce = nonce[:8][::-1] + nonce[8:]
    else:
        begin, end = {
            "FlippedMicBit": (len(frame) - MIC, len(frame)),
            "FlippedCiphertextBit": (body, len(frame) - MIC),
            "FlippedAadBit": (0, body),
        }[fault]
        outside = frame[:begin] + frame[end:] == original[:begin] + original[end:]
        yield "(only the part flagged was changed)", outside
        bits = flipped_bits(frame, original)
        # The radius is a number: lowering it changes more bits than one.
        yield "(it was changed a little)", bits == 1 or (fault == "FlippedAadBit" and bits < 9)
        return
    ct, mic = ccm(key, nonce, plain, aad, MIC)
    yield "nwkFrame", original[:body] + ct + mic


def _material(frame: bytes, header: int, *, level: int) -> tuple[bytes, bytes]:
    """Nonce and authenticated data of a NWK frame, as computed with ``level``."""
    aux = frame[header : header + 14]
    restored = bytes((aux[0] & 0xF8 | level,)) + aux[1:]
    return aux[5:13] + aux[1:5] + restored[:1], frame[:header] + restored


RULES: dict[str, Rule] = {
    "ZigBeeSecuredFrame": rule(
        "macFrame sourceName nwk.key aps.linkKey layer networkKey nwkFrame", _frame
    ),
}
