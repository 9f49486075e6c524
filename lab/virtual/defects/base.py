"""The base class of all defects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lab.golden.policy import Policy

__all__ = ["Defect"]


class Defect(Policy):
    """A policy with one fault: what it is, which clause it breaks, which cases should see it."""

    id: ClassVar[str]
    clause: ClassVar[str]
    description: ClassVar[str]
    cases: ClassVar[tuple[str, ...]] = ()
    dut: ClassVar[str] = "ipd"
    """The DUT file of a simulated device that can have it."""
    revision: ClassVar[str] = "1.1"
    """The revision of the profile at which its cases see it."""
    papers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What its maker says otherwise in the DUT file, table by table and key by key: faults of
    how a device is made, which show in no frame."""
