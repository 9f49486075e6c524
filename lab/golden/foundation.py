"""The general commands of the ZCL as every cluster answers them (ZCL 075123, 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zigbee.zcl import Status, general, types

if TYPE_CHECKING:
    from lab.golden.zcl_layer import Cluster, Request

__all__ = ["KNOWN", "handle"]

#: General command ids that are answered here.
KNOWN = frozenset(range(0x0E)) - {0x06, 0x07, 0x08, 0x09}


def handle(request: Request, cluster: Cluster) -> None:
    """Answer a general command on ``cluster``."""
    if request.frame.manufacturer is not None:
        request.default_response(Status.UNSUP_MANUF_GENERAL_COMMAND)
        return
    command = request.frame.command
    if command == general.ReadAttributes.COMMAND:
        _read(request, cluster)
    elif command == general.WriteAttributes.COMMAND:
        _write(request, cluster, answer=True)
    elif command == general.WriteAttributesUndivided.COMMAND:
        _write(request, cluster, answer=True, undivided=True)
    elif command == general.WriteAttributesNoResponse.COMMAND:
        _write(request, cluster, answer=False)
    elif command == general.DiscoverAttributes.COMMAND:
        _discover(request, cluster)
    elif command not in KNOWN:
        request.default_response(Status.UNSUP_GENERAL_COMMAND)


def _read(request: Request, cluster: Cluster) -> None:
    asked = general.ReadAttributes.from_bytes(request.frame.payload)
    records = []
    for attribute_id in asked.attributes:
        attribute = cluster.attributes.get(attribute_id)
        if attribute is None:
            if request.layer.node.policy.reports_unsupported():
                records.append(general.AttributeRecord(attribute_id, Status.UNSUPPORTED_ATTRIBUTE))
        else:
            records.append(
                general.AttributeRecord(
                    attribute_id, Status.SUCCESS, attribute.type, attribute.read()
                )
            )
    payload = general.ReadAttributesResponse(records).to_bytes()
    request.answer(general.ReadAttributesResponse.COMMAND, payload, cluster_specific=False)


def _write_status(cluster: Cluster, attribute_id: int, type_: int | str, value: Any) -> Status:
    attribute = cluster.attributes.get(attribute_id)
    if attribute is None:
        return Status.UNSUPPORTED_ATTRIBUTE
    if not attribute.writable:
        return Status.READ_ONLY
    if types.data_type(type_) != types.data_type(attribute.type):
        return Status.INVALID_DATA_TYPE
    if not attribute.accepts(value):
        return Status.INVALID_VALUE
    return Status.SUCCESS


def _write(request: Request, cluster: Cluster, *, answer: bool, undivided: bool = False) -> None:
    asked = general.WriteAttributes.from_bytes(request.frame.payload)
    judged = [
        (record, _write_status(cluster, record.attribute, record.type, record.value))
        for record in asked.records
    ]
    failed = [
        general.WriteStatus(status, record.attribute)
        for record, status in judged
        if status != Status.SUCCESS
    ]
    if not (undivided and failed):
        for record, status in judged:
            if status == Status.SUCCESS:
                cluster.attributes[record.attribute].value = record.value
    if answer:
        payload = general.WriteAttributesResponse(failed).to_bytes()
        request.answer(general.WriteAttributesResponse.COMMAND, payload, cluster_specific=False)


def _discover(request: Request, cluster: Cluster) -> None:
    asked = general.DiscoverAttributes.from_bytes(request.frame.payload)
    policy = request.layer.node.policy
    found = sorted(one for one in cluster.attributes if policy.lists_attribute(one, asked.start))
    listed = found[: asked.maximum]
    records = [general.DiscoveredAttribute(one, cluster.attributes[one].type) for one in listed]
    response = general.DiscoverAttributesResponse(int(len(listed) == len(found)), records)
    request.answer(
        general.DiscoverAttributesResponse.COMMAND, response.to_bytes(), cluster_specific=False
    )
