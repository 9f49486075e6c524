"""PICS expressions: for which devices a case applies, by what their makers claim.

Grammar: items ("SEC-CBKER"), `and`, `or`, `not`, parentheses; `not` binds closest, `or` loosest.

An item has three states: supported, not supported, and absent, when the maker does not say. What is
absent is not claimed, so a case that asks for it does not apply; but where the answer would decide
(`Expression.open_items`) people are told, for a case must not be lost by a line that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.registers.registry import UnknownId, pics_item

_TOKEN = re.compile(r"\s*(?:([()])|([A-Za-z0-9][A-Za-z0-9_.-]*)|(\S))")

Claims = Mapping[str, bool]
"""What a device's PICS says: item -> supported or not. An item that is absent is not claimed."""
Decision = Callable[[Claims], bool | None]


class PicsError(ValueError):
    """A PICS expression cannot be read, or names an item that does not exist."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A PICS expression that was read. `items` are in the order in which they are named."""

    text: str
    items: tuple[str, ...]
    decide: Decision
    """By the strong logic of Kleene; None when absent items decide."""

    def holds(self, claims: Claims) -> bool:
        """Return whether a case of this expression applies; what is absent is not claimed."""
        return bool(self.decide({item: claims.get(item, False) for item in self.items}))

    def open_items(self, claims: Claims) -> tuple[str, ...]:
        """Return the absent items on which it depends whether the expression holds."""
        if self.decide(claims) is not None:
            return ()
        return tuple(item for item in self.items if item not in claims)

    def reason(self, claims: Claims) -> str:
        """Say why the expression does not hold: which items are false, and which are not given."""
        if not self.items:
            return ""
        said = []
        for item in self.items:
            said.append(f"{item} is {state(claims, item)}")
        wanted = f" (needs {self.text})" if len(self.items) > 1 or "not" in self.text else ""
        return f"PICS: {', '.join(said)}{wanted}"


def state(claims: Claims, item: str) -> str:
    """Return the state of an item in one word: true, false or absent."""
    if item not in claims:
        return "absent"
    return "true" if claims[item] else "false"


def parse(text: str) -> Expression:
    """Read an expression; "" holds always. Raises PicsError that names the place or the item."""
    if not text.strip():
        return Expression("", (), lambda claims: True)
    reader = _Parser(text)
    decide = reader.disjunction()
    if reader.token:
        raise PicsError(f"PICS expression {text!r}: {reader.token!r} is not expected here")
    return Expression(text, tuple(dict.fromkeys(reader.items)), decide)


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _any(values: list[bool | None]) -> bool | None:
    if True in values:
        return True
    return None if None in values else False


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [next(filter(None, match.groups())) for match in _TOKEN.finditer(text)]
        self.items: list[str] = []

    @property
    def token(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, word: str) -> bool:
        if self.token == word:
            del self.tokens[0]
            return True
        return False

    def disjunction(self) -> Decision:
        terms = [self.conjunction()]
        while self.take("or"):
            terms.append(self.conjunction())
        return lambda claims: _any([term(claims) for term in terms])

    def conjunction(self) -> Decision:
        terms = [self.factor()]
        while self.take("and"):
            terms.append(self.factor())
        return lambda claims: _not(_any([_not(term(claims)) for term in terms]))

    def factor(self) -> Decision:
        if self.take("not"):
            inner = self.factor()
            return lambda claims: _not(inner(claims))
        if self.take("("):
            inner = self.disjunction()
            if not self.take(")"):
                raise PicsError(f"PICS expression {self.text!r}: a closing parenthesis is missing")
            return inner
        return self.item()

    def item(self) -> Decision:
        name = self.token
        if not name or name in ("and", "or", ")"):
            raise PicsError(f"PICS expression {self.text!r}: an item is missing before {name!r}")
        try:
            pics_item(name)
        except UnknownId as error:
            raise PicsError(f"PICS expression {self.text!r}: {error}") from None
        del self.tokens[0]
        self.items.append(name)
        return lambda claims: claims.get(name)
