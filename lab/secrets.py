"""Finding keys where none should be: in octets from the air, and in text from a console."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from drivers.dialogue import MASK

__all__ = ["in_octets", "in_text", "looks_secret", "times_shown"]

#: So many octets of a key in a row are no accident: 2**-64 for each place that is looked at.
LENGTH = 8
#: What may stand between the octets of a key in text.
_BETWEEN = re.compile(r"0x|[^0-9a-z]")
#: 16 octets in a row, the length of a key, in hexadecimal.
_KEY_LIKE = re.compile(r"(?<![0-9a-f])([0-9a-f]{2}[ :-]?){16}", re.IGNORECASE)


def _both_orders(key: bytes) -> tuple[bytes, bytes]:
    return key, key[::-1]


def in_octets(keys: Mapping[str, bytes], octets: bytes) -> list[str]:
    """The names of the keys of which `octets` hold eight or more in a row, in either order.

    Of a shorter key all octets count.
    """
    found = []
    for name, key in keys.items():
        length = min(LENGTH, len(key))
        parts = (
            one[start : start + length]
            for one in _both_orders(key)
            for start in range(len(key) - length + 1)
        )
        if any(part in octets for part in parts):
            found.append(name)
    return found


def in_text(keys: Mapping[str, bytes], text: str, octets: bytes = b"") -> list[str]:
    """The names of the keys that `text` shows whole: hexadecimal in either order, with whatever
    between, or base64; or that `octets` hold as they are.
    """
    plain = _BETWEEN.sub("", text.lower())
    found = []
    for name, key in keys.items():
        shown = any(one.hex() in plain for one in _both_orders(key))
        encoded = base64.b64encode(key).decode().rstrip("=") in text
        if shown or encoded or any(one in octets for one in _both_orders(key)):
            found.append(name)
    return found


def times_shown(key: bytes, octets: bytes) -> int:
    """How often octets of a console show a key in hexadecimal, in either order."""
    plain = _BETWEEN.sub("", octets.decode("latin-1").lower())
    return sum(plain.count(one.hex()) for one in _both_orders(key))


def looks_secret(text: str) -> bool:
    """Whether text from a console may show a key, a certificate or memory that nobody knows yet:
    16 octets in a row, or what the dialogue masks as a secret.
    """
    return MASK in text or _KEY_LIKE.search(text) is not None
