"""Faults of the cluster library: general commands, default responses, Identify (075123)."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class IgnoresBit4(Defect):
    """It answers everything."""

    id = "M-ZCL-01"
    clause = "ZCL-2.4"
    description = "Sends a Default Response of success although the command disables it"
    cases = ("ZCL-01",)

    def gives_default_response(self, *, success: bool, disabled: bool) -> bool:
        return True


class SilentWhenDisabled(Defect):
    """It takes bit 4 for an order to be silent."""

    id = "M-ZCL-02"
    clause = "ZCL-2.4"
    description = "Reports no error to a command that disables default responses"
    cases = ("ZCL-02",)

    def gives_default_response(self, *, success: bool, disabled: bool) -> bool:
        return not disabled


class LeavesUnsupportedOut(Defect):
    """It answers with what it has."""

    id = "M-ZCL-04"
    clause = "ZCL-2.3"
    description = "Leaves unsupported attributes out of a Read Attributes Response"
    cases = ("ZCL-04",)

    def reports_unsupported(self) -> bool:
        return False


class OneEndpointForAll(Defect):
    """It has one endpoint and does not look which one was asked."""

    id = "M-ZCL-05"
    clause = "ZCL-2.3"
    description = "Answers frames to endpoints that it does not have"
    cases = ("ZCL-05",)

    def takes_endpoint(self, asked: int | None, own: int) -> bool:
        return True


class ListsFromTheNext(Defect):
    """It is off by one."""

    id = "M-ZCL-08"
    clause = "ZCL-2.3"
    description = "Discover Attributes leaves out the attribute that it was to begin with"
    cases = ("ZCL-08",)

    def lists_attribute(self, attribute: int, start: int) -> bool:
        return attribute > start


class IgnoresDirection(Defect):
    """It finds a command by its number alone."""

    id = "M-ZCL-10"
    clause = "ZCL-2.3"
    description = "Carries out commands whose direction bit is for the other side of the cluster"
    cases = ("ZCL-10",)

    def respects_direction(self) -> bool:
        return False


class AlwaysTellsIdentifyTime(Defect):
    """It answers the query, whether it identifies itself or not."""

    id = "M-ZCL-13"
    clause = "SE-6.1"
    description = "Answers Identify Query with 0 s when it is not identifying itself"
    cases = ("ZCL-13",)

    def tells_identify_time(self, left: int) -> bool:
        return True


DEFECTS = (
    IgnoresBit4,
    SilentWhenDisabled,
    LeavesUnsupportedOut,
    OneEndpointForAll,
    ListsFromTheNext,
    IgnoresDirection,
    AlwaysTellsIdentifyTime,
)
