"""Octets from a text console, cut into lines of text as a person would read them."""

import codecs
import re
from collections.abc import Iterator

_LONGEST_LINE = 4_096

# Colour and cursor codes (ECMA-48 CSI, OSC ended by BEL or ST), and two-character escapes.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|[ -Z\\^-~])"
)
_UNFINISHED_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|\][^\x07\x1b]{0,256}\x1b?)?\Z",
)


class Screen:
    """Takes octets in any split and gives complete lines; `partial` is the line that is arriving.

    UTF-8, with what is none shown as \\x..; escape sequences and control characters vanish, a
    backspace takes a character back, a carriage return or line feed ends a line, and so does its
    4,096th character.
    """

    def __init__(self) -> None:
        self.partial = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._pending = ""  # the beginning of an escape sequence

    def feed(self, octets: bytes) -> Iterator[str]:
        """The lines that `octets` complete, empty ones too, each as soon as it is complete."""
        text = self._pending + self._decoder.decode(octets)
        unfinished = _UNFINISHED_ESCAPE.search(text)
        cut = unfinished.start() if unfinished else len(text)
        self._pending = text[cut:]
        for character in _ESCAPES.sub("", text[:cut]):
            if character in "\b\x7f":
                self.partial = self.partial[:-1]
            elif character >= " " or character == "\t":
                self.partial += character
            if character in "\r\n" or len(self.partial) >= _LONGEST_LINE:
                line, self.partial = self.partial, ""
                yield line
