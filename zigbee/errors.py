"""The only exceptions that decoding or encoding a frame may raise."""

from __future__ import annotations


class CodecError(ValueError):
    """Octets that do not parse, or a value that a field cannot hold.

    `layer` is the protocol layer ("mac", "nwk", "aps", "zcl", ...), `field` the field's name in
    that layer's class, `offset` the octet offset inside the octets handed to that layer
    (0 while encoding, when the place is not known), `reason` one line of text.
    """

    def __init__(self, layer: str, field: str, offset: int, reason: str) -> None:
        super().__init__(layer, field, offset, reason)
        self.layer = layer
        self.field = field
        self.offset = offset
        self.reason = reason

    def __str__(self) -> str:
        place = f"{self.layer}.{self.field}" if self.field else self.layer
        return f"{place} at octet {self.offset}: {self.reason}"


class SecurityError(CodecError):
    """A secured frame that could not be opened or made: wrong MIC, no key, level refused."""
