"""Smart Energy device types and the clusters they must and may have (075356r15/r16, chapters 5, 6).

"server" and "client" name the side the device implements; in a simple descriptor the server sides
are input clusters and the client sides output clusters. The lists are data
(`data/device_types.toml`), with their sources and what is unresolved in them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zigbee.zcl.loader import DefinitionError, explain

Clusters = tuple[int, ...]
LATER_CLUSTERS: frozenset[int] = frozenset({0x0019, 0x0704, 0x0705})
"""Clusters that do not exist in 1.0: OTA, Tunneling, Prepayment."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClusterLists(_Model):
    """Cluster identifiers by side and duty."""

    server_mandatory: Clusters
    client_mandatory: Clusters
    server_optional: Clusters
    client_optional: Clusters


class Common(ClusterLists):
    """What every Smart Energy device has (6.2)."""

    other_optional: tuple[str, ...] = ()


class DeviceType(ClusterLists):
    """One device type, without the common clusters; `id` is its device identifier."""

    key: str
    id: int
    name: str
    since: Literal["1.0", "1.1"]
    was: str = ""
    note: str = ""
    unresolved: bool = False

    def must_have(self, revision: str = "1.1") -> tuple[Clusters, Clusters]:
        """The mandatory (server, client) clusters, common ones included, that the revision has."""
        shared = common()
        return (
            _known(shared.server_mandatory + self.server_mandatory, revision),
            _known(shared.client_mandatory + self.client_mandatory, revision),
        )

    def may_have(self, revision: str = "1.1") -> tuple[Clusters, Clusters]:
        """The optional (server, client) clusters, common ones included, that the revision has."""
        shared = common()
        return (
            _known(shared.server_optional + self.server_optional, revision),
            _known(shared.client_optional + self.client_optional, revision),
        )


class _File(_Model):
    schema_version: Literal[1] = Field(alias="schema")
    device_version: int
    notes: tuple[str, ...]
    common: Common
    devices: tuple[DeviceType, ...]


def _known(clusters: Clusters, revision: str) -> Clusters:
    wanted = [c for c in clusters if revision != "1.0" or c not in LATER_CLUSTERS]
    return tuple(dict.fromkeys(wanted))


@cache
def _file() -> _File:
    origin = "device_types.toml"
    text = resources.files("zigbee").joinpath("data", origin).read_text(encoding="utf-8")
    try:
        return _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"{origin}: {error}") from None
    except ValidationError as error:
        raise DefinitionError(explain(error, origin)) from None


PROFILE_ID = 0x0109
"""The Smart Energy profile."""


def common() -> Common:
    """The clusters common to every device."""
    return _file().common


def device_types() -> tuple[DeviceType, ...]:
    """Every Smart Energy device type."""
    return _file().devices


def device_version() -> int:
    """The application device version of a simple descriptor."""
    return _file().device_version


def device_type(which: int | str) -> DeviceType:
    """The device type with this identifier or key ("esi"); raises `KeyError` for none."""
    for entry in device_types():
        if which in (entry.id, entry.key):
            return entry
    shown = f"{which:#06x}" if isinstance(which, int) else repr(which)
    known = ", ".join(entry.key for entry in device_types())
    raise KeyError(f"{shown} is no Smart Energy device type; they are: {known}")
