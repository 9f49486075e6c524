"""Non-conformities that a real device could have, each one small change to the simulated DUT.

A defect is a class derived from :class:`Defect`. It overrides one decision of
``lab.golden.policy.Policy`` (every method of that class is a point that a defect may change) and
says which clause it breaks. ``--defect NAME`` puts a registered one in, ``--defect module:Class``
anybody's::

    class AnswersBroadcasts(Defect):
        id = "X-1"
        clause = "ZCL-2.4"
        description = "Sends a Default Response to broadcast commands"

        def answers_broadcasts(self) -> bool:
            return True
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from lab.golden.policy import Policy
from lab.virtual.defects import (
    administration,
    counters,
    discovery,
    establishment,
    formation,
    joining,
    keys,
    leaving,
    library,
    making,
    messages,
    partners,
    power,
    prices,
    privacy,
    protection,
    randomness,
    rejoining,
    routers,
    sleepy,
    strangers,
    trust_center,
)
from lab.virtual.defects.base import Defect

__all__ = ["CATALOGUE", "Defect", "UnknownDefect", "find", "policy_with"]

CATALOGUE: dict[str, type[Defect]] = {
    one.id: one
    for module in (
        administration,
        counters,
        discovery,
        establishment,
        formation,
        joining,
        keys,
        leaving,
        library,
        making,
        messages,
        partners,
        power,
        prices,
        privacy,
        protection,
        randomness,
        rejoining,
        routers,
        sleepy,
        strangers,
        trust_center,
    )
    for one in module.DEFECTS
}
"""The registered defects by id."""


class UnknownDefect(ValueError):
    """No defect goes by this name."""


def find(name: str) -> type[Defect]:
    """The defect registered as ``name``, or the class that ``module:Class`` names."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    module_name, _, class_name = name.partition(":")
    if not class_name:
        known = ", ".join(sorted(CATALOGUE))
        raise UnknownDefect(f"no defect {name!r}; registered are {known}; or give module:Class")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise UnknownDefect(f"no defect {name!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Defect)):
        raise UnknownDefect(f"{name!r} is not derived from lab.virtual.defects.Defect")
    return found


def policy_with(defects: Iterable[type[Defect]]) -> Policy:
    """A policy that is conformant but for ``defects``; the first named one decides."""
    bases = tuple(dict.fromkeys(defects))
    return type("FaultyPolicy", bases, {})() if bases else Policy()
