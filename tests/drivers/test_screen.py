"""What a person would read, whatever the split of the octets."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.screen import Screen


def lines(octets: bytes, *cuts: int) -> tuple[list[str], str]:
    screen = Screen()
    found: list[str] = []
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    for start, end in pairwise(edges):
        found.extend(screen.feed(octets[start:end]))
    return found, screen.partial


@pytest.mark.parametrize(
    ("octets", "complete", "partial"),
    [
        (b"one\r\ntwo", ["one", ""], "two"),
        (b"\x1b[32mgreen\x1b[0m\n", ["green"], ""),
        (b"\x1b]0;title\x07text\n", ["text"], ""),
        (b"\x1b]0;title\x1b\\text\n", ["text"], ""),
        (b"\x1b[2J\x1b[1;1Hhome\n", ["home"], ""),
        (b"\x1b7saved\x1b8\n", ["saved"], ""),
        (b"abx\bc\n", ["abc"], ""),
        (b"\b\b\n", [""], ""),
        (b"a\x00\x07b\tc\n", ["ab\tc"], ""),
        ("grün\n".encode(), ["grün"], ""),
        (b"\xff\n", ["\\xff"], ""),
        (b"DUT>", [], "DUT>"),
    ],
)
def test_lines_as_read(octets: bytes, complete: list[str], partial: str) -> None:
    assert lines(octets) == (complete, partial)
    assert lines(octets, *range(len(octets))) == (complete, partial)


ESCAPING = st.lists(st.sampled_from(list(b"\x1b\x1b[]\\\x07;0 mKab\r\n\b\xc3\xbc"))).map(bytes)


@given(ESCAPING, st.lists(st.integers(0, 200)))
def test_the_split_of_escape_sequences_changes_nothing(octets: bytes, cuts: list[int]) -> None:
    assert lines(octets, *cuts) == lines(octets)


@given(st.sampled_from([b"\x1b[", b"\x1b]"]), st.integers(0, 400), st.lists(st.integers(0, 400)))
def test_an_endless_escape_sequence_is_given_up(start: bytes, length: int, cuts: list[int]) -> None:
    octets = start + b"0" * length + b"m\n"
    assert lines(octets, *cuts) == lines(octets)
    screen = Screen()
    for _ in range(50):
        list(screen.feed(start + b"0" * 1000))
    assert len(screen.partial) <= 4096


@given(st.lists(st.integers(0, 200)))
def test_the_split_changes_nothing(cuts: list[int]) -> None:
    octets = (
        b"\x1b[1;32mDUT>\x1b[0m info\r\n\x1b]0;x\x07gr\xc3\xbcn\b\x1b[K\r\nnode \x1b[0m0x1\x1b["
    )
    assert lines(octets, *cuts) == lines(octets)


@given(st.binary(max_size=3000))
def test_any_octets_give_bounded_lines_of_printable_text(octets: bytes) -> None:
    found, partial = lines(octets * 4)
    for line in (*found, partial):
        assert len(line) <= 4096
        assert all(character >= " " or character == "\t" for character in line)
