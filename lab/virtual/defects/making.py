"""Faults of how a device is made: they show in its maker's papers, and in no frame."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class CountsItsCodes(Defect):
    """Its label printer counts."""

    id = "M-JOIN-26"
    clause = "SE-5.4.8.1"
    description = "Units of a lot get install codes that follow one on the other"
    cases = ("JOIN-26",)
    papers: ClassVar = {"identity": {"lot": str(Path(__file__).with_name("counted_lot.csv"))}}


class LeavesDebugPortOpen(Defect):
    """Who opens it can read it."""

    id = "M-STORE-04"
    clause = "LAB-STORE"
    description = "Leaves the factory with its debug port open"
    cases = ("STORE-04",)
    papers: ClassVar = {"inspection": {"debug_port": "open", "weak": ["debug_port"]}}


DEFECTS = (CountsItsCodes, LeavesDebugPortOpen)
