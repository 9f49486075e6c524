"""The base class of all defects."""

from __future__ import annotations

from typing import ClassVar

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
