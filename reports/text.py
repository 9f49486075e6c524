"""Device bytes and other foreign text, made safe to look at."""

from __future__ import annotations

import unicodedata
from typing import Any

_KEPT = "\n\t"
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that do not show themselves: control, format (bidirectional marks among them),
surrogates, private, unassigned, and the line and paragraph separators."""


def visible(text: str) -> str:
    r"""Return `text` with every character that does not show itself written as \xNN or \uNNNN.

    Line feed and tab are kept. A terminal or browser shown the result does nothing but show it.
    """
    return text.translate(_SHOWN)


def visible_tree(value: Any) -> Any:
    """Return a JSON value with `visible` applied to all of its strings, keys included."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list | tuple):
        return [visible_tree(one) for one in value]
    if isinstance(value, dict):
        return {visible(str(key)): visible_tree(one) for key, one in value.items()}
    return value


def octets(data: bytes) -> str:
    r"""Return octets as text: printable ASCII as it is, all else (line ends too) as \xNN."""
    return "".join(
        chr(octet) if 0x20 <= octet < 0x7F and octet != 0x5C else f"\\x{octet:02x}"
        for octet in data
    )


class _Shown(dict[int, str]):
    """How each character is shown, by its code; looked up once a character, for logs are long."""

    def __missing__(self, code: int) -> str:
        self[code] = shown = _shown(chr(code))
        return shown


_SHOWN = _Shown()


def _shown(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
