"""Recomputation of the octets on serial lines: Spinel over HDLC-lite, and ASH."""

from __future__ import annotations

from typing import Any

from .. import Case, VectorFile
from .rule import Rule, Values, rule
from .textbook import crc, crc_x25

ESCAPE = 0x7D
FLAG = 0x7E
HDLC_ESCAPED = (0x7E, 0x7D, 0x11, 0x13, 0xF8)
ASH_ESCAPED = (0x7E, 0x7D, 0x11, 0x13, 0x18, 0x1A)
CANCEL, SUBSTITUTE, XON, XOFF = 0x1A, 0x18, 0x11, 0x13


def _escape(octets: bytes, escaped: tuple[int, ...]) -> bytes:
    line = bytearray()
    for octet in octets:
        line += bytes((ESCAPE, octet ^ 0x20)) if octet in escaped else bytes((octet,))
    return bytes(line)


def _unescape(octets: bytes) -> bytes | None:
    """The octets without escapes; None when the last one is an escape."""
    plain, after_escape = bytearray(), False
    for octet in octets:
        if after_escape:
            plain.append(octet ^ 0x20)
            after_escape = False
        elif octet == ESCAPE:
            after_escape = True
        else:
            plain.append(octet)
    return None if after_escape else bytes(plain)


# -- Spinel -----------------------------------------------------------------------------------


def _packed(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*octets, value))


def _signed(value: int) -> bytes:
    return value.to_bytes(1, "little", signed=True)


def _little(length: int) -> Any:
    return lambda value: int(value).to_bytes(length, "little")


def _each(one: Any) -> Any:
    return lambda value: b"".join(map(one, value)) if isinstance(value, list) else one(value)


def _counted(value: str) -> bytes:
    octets = bytes.fromhex(value)
    return len(octets).to_bytes(2, "little") + octets


def _text(value: str) -> bytes:
    return value.encode() + b"\x00"


_ENCODERS: dict[str, Any] = {  # by name of the field in the vectors
    "property": _packed,
    "status": _packed,
    "major": _packed,
    "minor": _packed,
    "version": _packed,
    "radio_caps": _packed,
    "receive_error": _packed,
    "caps": _each(_packed),
    "text": _text,
    "eui64": bytes.fromhex,
    "channels": _each(_little(1)),
    "ms": _little(2),
    "psdu": _counted,
    "ack_psdu": _counted,
    "rssi": _signed,
    "noise_floor": _signed,
    "tx_power": _signed,
    "flags": _little(2),
    "timestamp": _little(8),
    "tx_delay": _little(4),
    "tx_delay_base": _little(4),
    "ack_frame_counter": _little(4),
}
_VALUES: dict[int, Any] = {  # "value" of a property, by the property
    0x24: _signed,
    0x25: _signed,
    0x26: _signed,
    0x27: _signed,
    0x35: _little(2),
    0x36: _little(2),
    0x1304: _each(_little(2)),
}
_STRUCTURES = (  # received metadata: structures with a length of two octets in front
    ("channel", "lqi", "timestamp"),
    ("receive_error",),
    ("ack_key_id", "ack_frame_counter"),
)
_STREAM_RAW, _SET = 0x71, 3


def _payload(command: int, fields: dict[str, Any]) -> bytes:
    """A Spinel payload, encoded from the fields in their order."""
    received = ("rssi" in fields and "psdu" in fields) or "ack_psdu" in fields
    nested = {name for group in _STRUCTURES for name in group} if received else set()
    octets = b""
    for name, value in fields.items():
        if name not in nested:
            octets += _encoded(fields, name, value)
    if received:
        for group in _STRUCTURES:
            if group[0] in fields:
                inner = b"".join(_encoded(fields, name, fields[name]) for name in group)
                octets += len(inner).to_bytes(2, "little") + inner
    return octets


def _encoded(fields: dict[str, Any], name: str, value: Any) -> bytes:
    encoder = _ENCODERS.get(name, _little(1))
    if name == "value":
        encoder = _VALUES.get(fields["property"], _little(1))
    return bytes(encoder(value))


def _spinel_frame(_: VectorFile, case: Case) -> Values:
    header, fields = case["header"], case["fields"]
    first = header["flag"] << 6 | header["iid"] << 4 | header["tid"]
    spinel = bytes((first,)) + _packed(case["command"]) + _payload(case["command"], fields)
    yield "spinel", spinel
    yield "fcs", crc_x25(spinel)
    flag = bytes((FLAG,))
    yield "hdlc", flag + _escape(spinel + crc_x25(spinel), HDLC_ESCAPED) + flag


def _packed_integer(_: VectorFile, case: Case) -> Values:
    yield "packed", _packed(case["value"])


def _hdlc_frames(octets: bytes) -> tuple[list[bytes], list[str]]:
    """Good frames of a line, and the faults of the others."""
    good, faults = [], []
    for part in octets.split(bytes((FLAG,)))[:-1]:
        if not part:
            continue
        plain = _unescape(part)
        if plain is None:
            faults.append("AbortedFrame")
        elif len(plain) < 4:
            faults.append("TooShort")
        elif crc_x25(plain[:-2]) != plain[-2:]:
            faults.append("BadFcs")
        else:
            good.append(plain[:-2])
    return good, faults


def _spinel_refused(file: VectorFile, case: Case) -> Values:
    good, faults = _hdlc_frames(case.octets("hdlc"))
    for frame in good:
        if frame[0] >> 6 != 2:
            faults.append("NotSpinel")
        elif all(octet & 0x80 for octet in frame[2:5]):
            faults.append("PackedTooLong")
    yield f"(its faults are {faults})", faults == [file.fault(case)]


def _hdlc_stream(_: VectorFile, case: Case) -> Values:
    good, _faults = _hdlc_frames(bytes.fromhex("".join(case["chunks"])))
    yield "frames", [frame.hex() for frame in good]


# -- ASH --------------------------------------------------------------------------------------


def _randomised(data: bytes) -> bytes:
    """The data field XOR the pseudo-random sequence (UG101, 4.3)."""
    state, octets = 0x42, bytearray()
    for octet in data:
        octets.append(octet ^ state)
        state = state >> 1 ^ (0xB8 if state & 1 else 0)
    return bytes(octets)


def _ash_wire(body: bytes) -> bytes:
    return _escape(_with_crc(body), ASH_ESCAPED) + bytes((FLAG,))


def _with_crc(body: bytes) -> bytes:
    return body + crc(body, 0xFFFF, 0x1021, reflected=False).to_bytes(2, "big")


def _ash_frame(_: VectorFile, case: Case) -> Values:
    kind = case["frameType"]
    if kind == "DATA":
        control = case["frameNumber"] << 4 | case["retransmission"] << 3 | case["ackNumber"]
        data = case.octets("ezsp")
        body = bytes((control,)) + (_randomised(data) if case["randomised"] else data)
    elif kind in ("ACK", "NAK"):
        first = {"ACK": 0x80, "NAK": 0xA0}[kind]
        body = bytes((first | case["notReady"] << 3 | case["ackNumber"],))
    elif kind == "RST":
        body = b"\xc0"
    else:
        first = {"RSTACK": 0xC1, "ERROR": 0xC2}[kind]
        body = bytes((first, case["version"], case["code"]))
    cancel = case.octets("wire")[:1] == bytes((CANCEL,))
    yield "wire", bytes((CANCEL,)) * cancel + _ash_wire(body)
    if "unstuffed" in case:
        yield "unstuffed", _with_crc(body) + bytes((FLAG,))


def _ash_parts(octets: bytes) -> tuple[list[bytes], bool]:
    """Good frames as they stand on the line, and whether a DATA frame had a wrong CRC."""
    good, bad_data, line, spoiled = [], False, bytearray(), False
    for octet in octets:
        if octet == CANCEL:
            line.clear()
        elif octet == SUBSTITUTE:
            spoiled = True
        elif octet == FLAG:
            plain = _unescape(bytes(line)) or b""
            right = len(plain) > 2 and _with_crc(plain[:-2]) == plain
            if right and not spoiled:
                good.append(bytes(line) + bytes((FLAG,)))
            elif len(plain) > 2 and not spoiled and plain[0] < 0x80:
                bad_data = True
            line.clear()
            spoiled = False
        elif octet not in (XON, XOFF):
            line.append(octet)
    return good, bad_data


def _ash_refused(file: VectorFile, case: Case) -> Values:
    wire = case.octets("wire")
    yield "(the CRC is wrong)", _ash_parts(wire)[0] == [] and file.fault(case) == "BadCrc"
    corrected = case.octets("corrected")
    yield "(the corrected form is right)", _ash_parts(corrected)[0] == [corrected]
    plain, right = _unescape(wire[:-1]) or b"", _unescape(corrected[:-1]) or b""
    yield "(only the CRC differs)", plain[:-2] == right[:-2]


def _ash_stream(_: VectorFile, case: Case) -> Values:
    good, bad_data = _ash_parts(bytes.fromhex("".join(case["chunks"])))
    yield "frames", [frame.hex() for frame in good]
    if bad_data:
        yield "answer", "NAK"
    else:
        yield "(nothing is answered to)", "answer" not in case


RULES: dict[str, Rule] = {
    "SpinelPackedInteger": rule("value", _packed_integer),
    "SpinelFrame": rule("direction header.* command fields.*", _spinel_frame),
    "SpinelRefused": rule("hdlc", _spinel_refused),
    "HdlcStream": rule("chunks", _hdlc_stream),
    "AshFrame": rule(
        "frameType version code randomised ezsp frameNumber ackNumber retransmission notReady",
        _ash_frame,
    ),
    "AshRefused": rule("wire corrected", _ash_refused),
    "AshStream": rule("chunks", _ash_stream),
}
