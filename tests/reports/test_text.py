"""Foreign text does nothing but show itself."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from reports.text import octets, visible, visible_tree


def test_what_does_not_show_is_written_out() -> None:
    assert visible("a\x1b[31mb\r\x00") == "a\\x1b[31mb\\x0d\\x00"
    assert visible("a\u202eb\u2028\ud800") == "a\\u202eb\\u2028\\ud800"
    assert visible("line\n\ttab ä") == "line\n\ttab ä"


@given(st.text())
def test_no_control_is_left(text: str) -> None:
    shown = visible(text)
    assert all(unicodedata.category(c)[0] != "C" for c in shown if c not in "\n\t")
    shown.encode("utf-8")


def test_trees_are_cleaned_whole() -> None:
    assert visible_tree({"\x07": ["\x07", 1, None, {"a": "\x07"}]}) == {
        "\\x07": ["\\x07", 1, None, {"a": "\\x07"}]
    }


@given(st.binary())
def test_octets_can_be_read_back(data: bytes) -> None:
    shown = octets(data)
    assert shown.isascii() and shown.isprintable()
    assert shown.encode().decode("unicode_escape").encode("latin-1") == data
