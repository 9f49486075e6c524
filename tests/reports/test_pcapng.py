"""The blocks of a capture file, walked by hand; what is in them is for tests/oracles."""

import struct

from reports.pcapng import Capture, options, tap


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """Walk a pcapng file as the format says; both lengths of each block must agree."""
    found = []
    offset = 0
    while offset < len(data):
        kind, length = struct.unpack_from("<II", data, offset)
        assert length % 4 == 0 and length >= 12
        assert struct.unpack_from("<I", data, offset + length - 4) == (length,)
        found.append((kind, data[offset + 8 : offset + length - 4]))
        offset += length
    return found


def test_a_file_is_section_interfaces_packets() -> None:
    capture = Capture(["note"])
    capture.add(0.0, b"\x01\x02\x03", channel=11, interface="a")
    capture.add(1.0, b"\x01\x02\x03\x04", channel=11, interface="b")
    capture.add(2.0, b"", channel=11, interface="a")
    found = blocks(capture.to_bytes())
    assert [kind for kind, _ in found] == [0x0A0D0D0A, 1, 1, 6, 6, 6]
    assert [struct.unpack_from("<I", body)[0] for kind, body in found if kind == 6] == [0, 1, 0]
    assert b"note" in found[0][1]


def test_a_time_is_split_into_two_words() -> None:
    capture = Capture()
    capture.add(10_000.5, b"\x01", channel=11)
    (packet,) = [body for kind, body in blocks(capture.to_bytes()) if kind == 6]
    high, low = struct.unpack_from("<II", packet, 4)
    assert (high << 32 | low) == 10_000_500_000


def test_marks_go_to_the_next_frame_and_numbers_count_the_head() -> None:
    capture = Capture()
    capture.mark("one")
    capture.mark("two")
    first = capture.add(0.0, b"\x01", channel=11)
    second = capture.add(0.0, b"\x02", channel=11)
    assert capture.frames[first].comments == ["one", "two"]
    assert capture.frames[second].comments == []
    capture.head.append(capture.frames[first])
    assert [capture.number_of(first), capture.number_of(second)] == [2, 3]


def test_the_length_of_a_tap_header_covers_its_tlvs() -> None:
    for rssi, lqi in ((None, None), (-40, None), (-40, 255)):
        data = tap(b"\xaa", rssi=rssi, lqi=lqi, channel=11, fcs_ok=True)
        length = struct.unpack_from("<H", data, 2)[0]
        assert length % 4 == 0
        assert data[length : length + 1] == b"\xaa"
        assert len(data) == length + 3


def test_an_option_too_long_for_its_length_field_is_cut() -> None:
    (code, length) = struct.unpack_from("<HH", options([(1, b"x" * 70_000)]))
    assert (code, length) == (1, 65_535)
    assert options([]) == b""
