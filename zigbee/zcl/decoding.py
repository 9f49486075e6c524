"""From a ZCL frame to the command in it."""

from __future__ import annotations

from zigbee.zcl import general, loader
from zigbee.zcl.definitions import Command
from zigbee.zcl.frame import ZclFrame


def decode(frame: ZclFrame, cluster_id: int) -> Command:
    """The command that the frame carries on this cluster.

    General commands are named like their classes ("ReadAttributesResponse"), which is in `body`.
    A frame whose layout is not known (another manufacturer's command, an unknown cluster or
    identifier, a command of a later revision) is no error: its payload is kept in `trailing` and
    `reason` says why. Raises `CodecError` when a known command's payload cannot be parsed.
    """
    if not frame.cluster_specific:
        return _general(frame)
    if frame.manufacturer is not None:
        return _raw(frame, f"manufacturer-specific ({frame.manufacturer:#06x})")
    if not loader.defined(cluster_id):
        return _raw(frame, f"cluster {cluster_id:#06x} is not defined")
    cluster = loader.cluster(cluster_id)
    definition = cluster.commands.get((frame.direction, frame.command))
    if definition is not None:
        return definition.parse(frame.payload)
    later = cluster.later_command(frame.direction, frame.command)
    if later is not None:
        return _raw(frame, f"{cluster.name} has it from {later.since} on", later.name)
    return _raw(frame, f"{cluster.name} has no such command to the {_side(frame)}")


def _general(frame: ZclFrame) -> Command:
    kind = general.BY_COMMAND.get(frame.command)
    if kind is None:
        return _raw(frame, "no such general command")
    body = kind.from_bytes(frame.payload)
    fields = {name: getattr(body, name) for name in general.FIELDS[kind]}
    return Command(kind.__name__, fields, getattr(body, "trailing", b""), body=body)


def _side(frame: ZclFrame) -> str:
    return "client" if frame.direction else "server"


def _raw(frame: ZclFrame, reason: str, name: str = "") -> Command:
    return Command(name or f"Command{frame.command:#04x}", {}, frame.payload, reason=reason)
