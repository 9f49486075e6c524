"""Spinel over HDLC-lite: the language of the radio co-processor, octet for octet."""

from lab.verdicts import Violation
from suites.crypto.expect import expect_equal, fault_of
from zigbee import spinel
from zigbee.errors import CodecError
from zigbee.fcs import crc_x25
from zigbee.hdlc import Decoder, encode
from zigbee.spinel import Command, Property
from zigbee.spinel_stream import RawFrame, TransmitDone, TransmitRequest

ALGORITHM = "spinel"
CLAUSES = []

# Names in the vectors -> attributes here, where they differ.
TRANSMIT = {
    "psdu": "psdu",
    "channel": "channel",
    "max_csma_backoffs": "backoffs",
    "max_retries": "retries",
    "csma": "csma",
    "header_updated": "header_updated",
    "is_retx": "retransmission",
    "security_processed": "security_processed",
    "tx_delay": "delay",
    "tx_delay_base": "delay_base",
    "rx_channel_after": "channel_after",
    "tx_power": "power",
}
RECEIVED = {
    "psdu": "psdu",
    "rssi": "rssi",
    "noise_floor": "noise_floor",
    "flags": "flags",
    "channel": "channel",
    "lqi": "lqi",
    "timestamp": "timestamp",
    "receive_error": "error",
}
STATUS = {"status": "status", "frame_pending": "pending", "header_updated": "header_updated"}


def test_spinel(vector):
    CHECKS[vector["type"]](vector)


def check_packed(vector):
    packed = vector.octets("packed")
    expect_equal("packed", packed, spinel.pack_uint(vector["value"]))
    expect_equal("value and length", (vector["value"], len(packed)), spinel.unpack_uint(packed))


def check_frame(vector):
    octets = vector.octets("spinel")
    expect_equal("FCS", vector.octets("fcs"), crc_x25(octets).to_bytes(2, "little"))
    expect_equal("octets on the line", vector.octets("hdlc"), encode(octets))
    expect_equal("frames from the line", [octets], Decoder().feed(vector.octets("hdlc")))
    frame = spinel.Frame.from_bytes(octets)
    expect_equal("header", vector["header"], {"flag": 2, "iid": frame.iid, "tid": frame.tid})
    expect_equal("command", vector["command"], frame.command)
    expect_equal("frame made again", octets, frame.to_bytes())
    check_fields(vector, frame)


def check_fields(vector, frame):
    fields = dict(vector["fields"])
    if frame.command == Command.RESET:
        expect_equal("reset", bytes(fields.values()), frame.payload)
        return
    if not fields:
        expect_equal("payload", b"", frame.payload)
        return
    number, value = frame.property()
    expect_equal("property", fields.pop("property"), number)
    if number == Property.STREAM_RAW and frame.command == Command.PROP_VALUE_SET:
        check_object(fields, TransmitRequest.from_bytes(value), TRANSMIT)
    elif number == Property.STREAM_RAW:
        check_object(fields, RawFrame.from_bytes(value), RECEIVED)
    elif number == Property.LAST_STATUS and len(fields) > 1:
        done = TransmitDone.from_bytes(value)
        check_object(fields, done, STATUS)
        if "ack_psdu" in fields:
            fields["psdu"] = fields["ack_psdu"]
            check_object(fields, done.acknowledgement, RECEIVED)
    else:
        check_value(frame.command, number, list(fields.values()), value)


def check_object(fields, found, names):
    for name in (name for name in fields if name in names):
        observed = getattr(found, names[name])
        observed = observed.hex() if isinstance(observed, bytes) else observed
        expect_equal(name, fields[name], observed)


def check_value(command, number, expected, value):
    fmt = spinel.FORMATS[number]
    if command in (Command.PROP_VALUE_INSERT, Command.PROP_VALUE_REMOVE) or (
        command in (Command.PROP_VALUE_INSERTED, Command.PROP_VALUE_REMOVED)
    ):
        fmt = fmt.removeprefix("A(").removesuffix(")")
    if not expected and not value:  # a GET
        expect_equal("command", int(Command.PROP_VALUE_GET), command)
        return
    found = spinel.unpack(fmt, value)
    texts = [str(item) if fmt == "E" else item for item in found]
    expect_equal("value", expected, texts)
    expect_equal("value made again", value, spinel.pack(fmt, *found))


def check_refused(vector):
    decoder, fault = Decoder(), fault_of(ALGORITHM, vector)
    contents = decoder.feed(vector.octets("hdlc"))
    if fault in ("BadFcs", "TooShort", "AbortedFrame"):
        expect_equal("frames from the line", [], contents)
        expect_equal("frames dropped", 1, decoder.dropped)
        return
    expect_equal("number of frames from the line", 1, len(contents))
    try:
        frame = spinel.Frame.from_bytes(contents[0])
        frame.property()
    except CodecError as error:
        field = {"NotSpinel": "header", "PackedTooLong": "packed integer"}[fault]
        expect_equal("field that is refused", field, error.field)
        return
    raise Violation("the frame is refused", f"parsed: {frame}")


def check_stream(vector):
    chunks = [bytes.fromhex(chunk) for chunk in vector["chunks"]]
    frames = [bytes.fromhex(frame) for frame in vector["frames"]]
    for reads in (chunks, [bytes([octet]) for octet in b"".join(chunks)]):
        decoder = Decoder()
        found = [content for read in reads for content in decoder.feed(read)]
        expect_equal("frames from the line", frames, found)


CHECKS = {
    "SpinelPackedInteger": check_packed,
    "SpinelFrame": check_frame,
    "SpinelRefused": check_refused,
    "HdlcStream": check_stream,
}
