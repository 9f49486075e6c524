"""The decisions of a node, one method each: where clauses are kept, and where defects break them.

The layers ask their node's :class:`Policy` whenever a clause leaves no choice but a faulty device
could choose otherwise. The class as it stands keeps the clauses that it names. A defect
(``lab.virtual.defects``) is a subclass that overrides one method; a test that wants the golden
unit to misbehave may do the same. Nothing else in a node is meant to be overridden.
"""

from __future__ import annotations

from lab.golden.policy.application import ApplicationPolicy
from lab.golden.policy.establishment import EstablishmentPolicy
from lab.golden.policy.frames import FramePolicy
from lab.golden.policy.hardware import HardwarePolicy
from lab.golden.policy.joining import JoiningPolicy
from lab.golden.policy.keys import KeyPolicy
from lab.golden.policy.rejoining import RejoiningPolicy
from lab.golden.policy.routing import RoutingPolicy
from lab.golden.policy.trust_center import TrustCenterPolicy

__all__ = ["Policy"]


class Policy(
    JoiningPolicy,
    RejoiningPolicy,
    TrustCenterPolicy,
    KeyPolicy,
    FramePolicy,
    EstablishmentPolicy,
    RoutingPolicy,
    ApplicationPolicy,
    HardwarePolicy,
):
    """What a conformant node decides. Clause numbers are of 075356 unless said (ZB: 053474)."""
