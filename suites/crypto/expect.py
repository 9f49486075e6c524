"""What the vector tests say when a value or a refusal is not the one due."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from lab.verdicts import Violation
from vectors import Case, load
from zigbee.crypto.errors import CryptoError


def fault_of(algorithm: str, case: Case) -> str:
    """The flag that says why an invalid case must be refused."""
    return load(algorithm).fault(case)


def expect_equal(what: str, expected: Any, observed: Any) -> None:
    """Raise Violation unless both are equal; octets are shown in hex."""
    if expected != observed:
        raise Violation(f"{what} {_text(expected)}", _text(observed))


def expect_refusal(what: str, attempt: Callable[[], Any], *reasons: StrEnum) -> CryptoError:
    """Call ``attempt``, which must refuse, for one of ``reasons``; return the refusal."""
    wanted = " or ".join(repr(str(reason)) for reason in reasons)
    try:
        result = attempt()
    except CryptoError as error:
        if error.fault not in reasons:
            raise Violation(
                f"{what} refused: {wanted}", f"refused: {str(error.fault)!r}"
            ) from error
        return error
    raise Violation(f"{what} refused: {wanted}", f"accepted, result {_text(result)}")


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, (bytes, bytearray)) else repr(value)
