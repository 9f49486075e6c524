"""The registry of clauses, PICS items and findings: which ids exist, and how sure each of them is.

The data is in lab/data/*.toml, whose heads explain the marks. Clause ids are a document prefix and
a section ("SE-5.4.8.1", "ZB-4.4.3", "SE-C.3.1.2.3.3"); where people write a section alone, they
mean the Smart Energy profile.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

DEFAULT_PREFIX = "SE-"
MARKS = (
    "analysis",
    "public-code",
    "public-document",
    "later-revision",
    "unverified",
    "bench",
    "derived",
)
"""What `verified` may begin with. `derived` is given to headings that only `resolve` makes."""

Revision = Literal["1.0", "1.1", "both"]


class UnknownId(ValueError):
    """An id that the registry does not have; the text names the nearest that it has."""

    def __init__(self, kind: str, text: str, nearest: Iterable[str]) -> None:
        self.kind = kind
        self.text = text
        self.nearest = list(nearest)
        hint = f"; nearest known: {', '.join(self.nearest)}" if self.nearest else ""
        super().__init__(f"unknown {kind} {text!r}{hint}")


class RegistryError(ValueError):
    """A registry file does not follow its form; the text names file, entry and key."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    id: Annotated[str, Field(min_length=1)]


class Clause(_Entry):
    """A clause that cases may test. `verified` tells how sure number and content are."""

    document: str
    section: str
    title: str
    summary: str
    applies_to: list[str]
    revision: Revision
    status: Literal["normative", "provisional", "best practice", "heading"]
    findings: list[str]
    verified: str
    supported_by: str = ""
    note: str = ""
    no_test_reason: str = ""
    """Why no case tests it; empty where one should."""

    @field_validator("verified")
    @classmethod
    def _known_mark(cls, value: str) -> str:
        if value.split(":")[0] not in MARKS:
            raise ValueError(f"{value!r} does not begin with one of {', '.join(MARKS)}")
        return value

    @property
    def mark(self) -> str:
        """The first word of `verified`: one of MARKS."""
        return self.verified.split(":")[0]


class PicsItem(_Entry):
    """A capability that a device may claim. A `status` of "O.n" belongs to option group n."""

    group: str
    text: str
    role: list[str]
    status: Annotated[str, Field(pattern=r"^(M|O|C|X|O\.\d+)$")]
    clause: str
    id_is_published: bool
    condition: str = ""
    basis: str = ""
    base_status: str = ""
    published_id: str = ""
    published_related: list[str] = []
    published_source: str = ""

    @property
    def established(self) -> bool:
        """Whether a public source gives the status; otherwise it is our reading of the profile."""
        return bool(self.published_source) or self.basis not in ("", "unverified")


class Finding(_Entry):
    """A weakness of Smart Energy networks that cases measure on a device."""

    title: str
    description: str
    origin: Literal["analysis", "literature"]
    analysis_section: str
    nistir: list[str]
    clauses: list[str]
    mitigation: str
    device_level_measurable: Literal["yes", "partly", "no"]
    to_come: list[str] = []
    """Ids of cases that bear on it and that the suites do not have yet."""


_EntryT = TypeVar("_EntryT", bound=_Entry)


def parse_entries(text: str, table: str, kind: type[_EntryT], source: str) -> dict[str, _EntryT]:
    """Read the array of tables `table` of a TOML text into entries by id, in the order of the file.

    Raises RegistryError that names `source`, the entry and the key.
    """
    try:
        rows: Any = tomllib.loads(text).get(table)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{source}: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise RegistryError(f"{source}: no [[{table}]] entries")
    entries: dict[str, _EntryT] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{source}: [[{table}]] number {number} ({row.get('id', 'without id')})"
        try:
            entry = kind.model_validate(row)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
            )
            raise RegistryError(f"{where}: {faults}") from error
        if entry.id in entries:
            raise RegistryError(f"{where}: id given twice")
        entries[entry.id] = entry
    return entries


def _load(name: str, table: str, kind: type[_EntryT]) -> dict[str, _EntryT]:
    text = files("lab").joinpath("data", name).read_text(encoding="utf-8")
    return parse_entries(text, table, kind, f"lab/data/{name}")


@cache
def clauses() -> Mapping[str, Clause]:
    """Return all registered clauses by id, in the order of the documents."""
    loaded = _load("clauses.toml", "clause", Clause)
    for clause in loaded.values():
        for text in clause.findings:
            finding(text)
    return MappingProxyType(loaded)


@cache
def pics_items() -> Mapping[str, PicsItem]:
    """Return all PICS items by id, in the order of the file."""
    loaded = _load("pics.toml", "pics", PicsItem)
    for item in loaded.values():
        try:
            resolve(item.clause)
        except UnknownId as error:
            raise RegistryError(f"lab/data/pics.toml: {item.id}: clause: {error}") from error
    return MappingProxyType(loaded)


@cache
def findings() -> Mapping[str, Finding]:
    """Return all findings by id."""
    return MappingProxyType(_load("findings.toml", "finding", Finding))


@cache
def nistir_titles() -> Mapping[str, str]:
    """Return titles of requirements of NISTIR 7628 by id; from recollection, as their file says."""
    return _names("nistir_titles")


@cache
def areas() -> Mapping[str, str]:
    """Return names of the areas that have cases to come, by the prefix of their ids."""
    return _names("areas")


def _names(table: str) -> Mapping[str, str]:
    text = files("lab").joinpath("data", "findings.toml").read_text(encoding="utf-8")
    return MappingProxyType({key: str(value) for key, value in tomllib.loads(text)[table].items()})


def pics_item(text: str) -> PicsItem:
    """Return the PICS item `text`. Raises UnknownId with the nearest known ids."""
    return _named("PICS item", text, pics_items())


def finding(text: str) -> Finding:
    """Return the finding `text`. Raises UnknownId with the nearest known ids."""
    return _named("finding", text, findings())


@cache
def resolve(text: str) -> Clause:
    """Return the clause that `text` names: "SE-5.4.8.1", "5.4.8.1" or "C.3.1.2.3".

    A section that is not registered itself but stands above registered ones is returned as a clause
    of status "heading". Raises UnknownId with the nearest known ids otherwise.
    """
    known = clauses()
    for candidate in _candidates(text):
        if candidate in known:
            return known[candidate]
    for candidate in _candidates(text):
        below = [clause for clause in known.values() if _is_below(clause.id, candidate)]
        if below and "-" in candidate:
            return _heading(candidate, below)
    raise UnknownId("clause", text, _nearest_clauses(text))


def subclauses(text: str) -> list[Clause]:
    """Return the registered clauses at and below `text`, in the order of the documents.

    "Below" goes by dotted components: 5.4.1 has 5.4.1.2 below it, and not 5.4.10. Raises UnknownId.
    """
    root = resolve(text).id
    return [one for one in clauses().values() if one.id == root or _is_below(one.id, root)]


def ancestors(text: str) -> list[str]:
    """Return the ids above a clause, nearest first: SE-5.4.8.1 gives SE-5.4.8, SE-5.4, SE-5."""
    parts = resolve(text).id.split(".")
    return [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


def _candidates(text: str) -> tuple[str, str]:
    wanted = text.strip()
    return wanted, DEFAULT_PREFIX + wanted


def _is_below(clause_id: str, above: str) -> bool:
    return clause_id.startswith(above + ".")


def _heading(clause_id: str, below: list[Clause]) -> Clause:
    return Clause(
        id=clause_id,
        document=below[0].document,
        section=clause_id.partition("-")[2],
        title=f"Section of {below[0].id}" + (" and others" if len(below) > 1 else ""),
        summary="",
        applies_to=[],
        revision="both",
        status="heading",
        findings=[],
        verified="derived: registered clauses stand below this number",
    )


def _nearest_clauses(text: str) -> list[str]:
    """Ids that a writer of `text` may have meant: by prefix first, then by likeness."""
    known = clauses()
    wanted = text.strip()
    section = wanted.partition("-")[2] or wanted
    same_section = [one.id for one in known.values() if one.section == section]
    parent = section.rpartition(".")[0]
    beside = [
        one.id for one in known.values() if parent and one.section.rpartition(".")[0] == parent
    ]
    alike = difflib.get_close_matches(_candidates(text)[1], known, n=4, cutoff=0.5)
    alike += difflib.get_close_matches(wanted, known, n=4, cutoff=0.5)
    return list(dict.fromkeys(same_section + beside[:4] + alike))[:6]


def _named(kind: str, text: str, known: Mapping[str, _EntryT]) -> _EntryT:
    try:
        return known[text.strip()]
    except KeyError:
        near = difflib.get_close_matches(text.strip().upper(), known, n=5, cutoff=0.4)
        raise UnknownId(kind, text, near) from None
