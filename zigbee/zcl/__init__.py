"""The ZigBee Cluster Library: frames, data types, general commands, and the clusters' commands.

    frame = zcl.ZclFrame.from_bytes(octets)
    command = zcl.decode(frame, cluster_id=0x0700)
    command.name, command.fields["Price"], command.trailing

    payload = zcl.cluster("price").command("GetScheduledPrices").build(
        StartTime=0, NumberOfEvents=0
    )

How wrong commands are made on purpose: `zigbee.zcl.definitions`.
"""

from zigbee.zcl.codec import Raw
from zigbee.zcl.decoding import decode
from zigbee.zcl.definitions import (
    AttributeDefinition,
    ClusterDefinition,
    Command,
    CommandDefinition,
    FieldDefinition,
)
from zigbee.zcl.frame import Direction, Status, ZclFrame
from zigbee.zcl.loader import DefinitionError, cluster, clusters

__all__ = [
    "AttributeDefinition",
    "ClusterDefinition",
    "Command",
    "CommandDefinition",
    "DefinitionError",
    "Direction",
    "FieldDefinition",
    "Raw",
    "Status",
    "ZclFrame",
    "cluster",
    "clusters",
    "decode",
]
