"""What the equipment of a bench raises when it fails: never the fault of the device under test."""

from __future__ import annotations


class BenchFault(Exception):
    """The equipment failed. `what` names the part, `cause` what happened, `remedy` what to do."""

    def __init__(self, what: str, cause: str, remedy: str = "") -> None:
        super().__init__(what, cause, remedy)
        self.what = what
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.what}: {self.cause}"
        if self.remedy:
            text += f" ({self.remedy})"
        return " ".join(text.split())


class PortGone(BenchFault):
    """A port that is missing, busy, or went away while in use."""


class NoAnswer(BenchFault):
    """The equipment did not answer in time."""


class InstrumentFault(BenchFault):
    """An instrument refused, tripped, or did not do what it was told."""
