"""The endpoints of a node: attributes, commands and the foundation's answers (ZCL chapter 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lab.golden import foundation
from zigbee import zcl
from zigbee.errors import CodecError
from zigbee.zcl import Direction, Status, ZclFrame, general

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.node import Node

__all__ = ["Attribute", "Cluster", "Endpoint", "Request", "ZclLayer"]

SE_PROFILE = 0x0109
#: The endpoint of broadcasts to all endpoints (053474 2.2.4.1.1.1).
ALL_ENDPOINTS = 0xFF


@dataclass(slots=True)
class Attribute:
    """One attribute: ``value`` or, for one that moves, a function that gives it."""

    type: str
    value: Any
    writable: bool = False
    accepts: Callable[[Any], bool] = lambda value: True

    def read(self) -> Any:
        """The value now."""
        return self.value() if callable(self.value) else self.value


@dataclass(slots=True)
class Request:
    """A command that came in on an endpoint, and the way back."""

    layer: ZclLayer
    indication: Indication
    frame: ZclFrame
    command: zcl.Command | None

    @property
    def source(self) -> int:
        """Short address of the sender."""
        return self.indication.nwk.src

    def answer(
        self, command: int, payload: bytes, *, cluster_specific: bool, secure: bool | None = None
    ) -> None:
        """Send an answer to the same endpoint, as well protected as the request was."""
        self.layer.answer(self, command, payload, cluster_specific, secure)

    def default_response(self, status: int, *, secure: bool | None = None) -> None:
        """Send a Default Response to this command, where the rules of ZCL 2.4.12 ask for one."""
        self.layer.default_response(self, status, secure)


Handler = Callable[[Request], int | None]


@dataclass(slots=True)
class Cluster:
    """One side of a cluster on an endpoint.

    ``handlers`` are by command id; each gets the :class:`Request` and returns the status for a
    Default Response, or ``None`` when it answered by itself. Those of a ``raw`` cluster read the
    payload themselves, well formed or not.
    """

    id: int
    attributes: dict[int, Attribute] = field(default_factory=dict)
    handlers: dict[int, Handler] = field(default_factory=dict)
    raw: bool = False

    @property
    def link_key_required(self) -> bool:
        """Whether 5.4.6 puts the cluster under the link key."""
        return zcl.cluster(self.id).link_key_required


@dataclass(slots=True)
class Endpoint:
    """An application endpoint with the clusters it serves and those it is a client of."""

    number: int
    device_id: int
    profile: int = SE_PROFILE
    version: int = 0
    servers: dict[int, Cluster] = field(default_factory=dict)
    clients: dict[int, Cluster] = field(default_factory=dict)

    def serve(self, cluster: Cluster) -> Cluster:
        """Add a server side."""
        self.servers[cluster.id] = cluster
        return cluster

    def use(self, cluster: Cluster) -> Cluster:
        """Add a client side."""
        self.clients[cluster.id] = cluster
        return cluster


class ZclLayer:
    """Commands to and from the endpoints of a node."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.endpoints: dict[int, Endpoint] = {}
        self.sequence = node.random.randrange(256)
        #: called with each command that came in, before it is handled
        self.on_request: Callable[[Request], None] | None = None

    def add_endpoint(self, endpoint: Endpoint) -> Endpoint:
        """Put an endpoint on the node."""
        self.endpoints[endpoint.number] = endpoint
        return endpoint

    def has_endpoint(self, number: int | None) -> bool:
        """Whether frames to this endpoint find anybody."""
        takes = self.node.policy.takes_endpoint
        return number in (0, ALL_ENDPOINTS) or any(takes(number, own) for own in self.endpoints)

    # -- out --------------------------------------------------------------------------------

    def next_sequence(self) -> int:
        """The next transaction sequence number."""
        self.sequence = (self.sequence + 1) & 0xFF
        return self.sequence

    def send(
        self,
        frame: ZclFrame,
        dst: int,
        *,
        cluster: int,
        dst_endpoint: int,
        src_endpoint: int,
        secure: bool | None = None,
        ack: bool = True,
        done: Callable[[bool], None] | None = None,
    ) -> None:
        """Send a ZCL frame; ``secure=None`` protects it as 5.4.6 asks for its cluster."""
        if secure is None:
            secure = self.node.policy.secures_request(zcl.cluster(cluster).link_key_required)
        for one in self.node.through_taps("zcl", "out", frame):
            self.node.aps.send(
                one if isinstance(one, bytes) else one.to_bytes(),
                dst,
                cluster=cluster,
                profile=SE_PROFILE,
                dst_endpoint=dst_endpoint,
                src_endpoint=src_endpoint,
                secure=secure,
                ack=ack,
                done=done,
            )

    def command(
        self, cluster: int, name: str, *, sequence: int | None = None, **fields: Any
    ) -> ZclFrame:
        """A frame with a cluster command; for unnamed fields see ``CommandDefinition.build``."""
        definition = zcl.cluster(cluster).command(name)
        return ZclFrame(
            cluster_specific=True,
            direction=definition.direction,
            sequence=self.next_sequence() if sequence is None else sequence,
            command=definition.id,
            payload=definition.build(**fields),
        )

    def answer(
        self,
        request: Request,
        command: int,
        payload: bytes,
        cluster_specific: bool,
        secure: bool | None,
    ) -> None:
        """See :meth:`Request.answer`."""
        indication = request.indication
        aps_frame = indication.frame
        asked = request.frame
        frame = ZclFrame(
            cluster_specific=cluster_specific,
            direction=Direction(1 - asked.direction),
            sequence=asked.sequence,
            command=command,
            payload=payload,
            disable_default_response=True,
        )
        if secure is None:
            secure = self.node.policy.secures_answer(indication.secured)
        source = aps_frame.dst_endpoint
        if source in (None, ALL_ENDPOINTS):
            source = next(iter(self.endpoints))
        self.send(
            frame,
            indication.nwk.src,
            cluster=aps_frame.cluster or 0,
            dst_endpoint=aps_frame.src_endpoint or 0,
            src_endpoint=source or 0,
            secure=secure,
        )

    def default_response(self, request: Request, status: int, secure: bool | None) -> None:
        """See :meth:`Request.default_response`: never to broadcasts or to Default Responses."""
        frame = request.frame
        if request.indication.broadcast and not self.node.policy.answers_broadcasts():
            return
        if not frame.cluster_specific and frame.command == general.DefaultResponse.COMMAND:
            return
        if not self.node.policy.gives_default_response(
            success=status == Status.SUCCESS, disabled=frame.disable_default_response
        ):
            return
        payload = general.DefaultResponse(frame.command, status).to_bytes()
        command = general.DefaultResponse.COMMAND
        self.answer(request, command, payload, cluster_specific=False, secure=secure)

    # -- in ---------------------------------------------------------------------------------

    def received(self, indication: Indication) -> None:
        """Take in an APS data frame to an endpoint other than 0."""
        try:
            frame = ZclFrame.from_bytes(indication.frame.payload)
        except CodecError:
            return
        for one in self.node.through_taps("zcl", "in", frame):
            for endpoint in self._addressed(indication):
                self._handle(indication, one, endpoint)

    def _addressed(self, indication: Indication) -> list[Endpoint]:
        number, profile = indication.frame.dst_endpoint, indication.frame.profile
        candidates = list(self.endpoints.values())
        if number != ALL_ENDPOINTS:
            takes = self.node.policy.takes_endpoint
            candidates = [one for one in candidates if takes(number, one.number)]
        foreign = self.node.policy.takes_foreign_profile(profile or 0)
        return [one for one in candidates if one.profile == profile or foreign]

    def _handle(self, indication: Indication, frame: ZclFrame, endpoint: Endpoint) -> None:
        cluster_id = indication.frame.cluster or 0
        request = Request(self, indication, frame, None)
        side = endpoint.servers if frame.direction == Direction.TO_SERVER else endpoint.clients
        cluster = side.get(cluster_id)
        if cluster is None and not self.node.policy.respects_direction():
            frame, cluster = self._turned(frame, endpoint, cluster_id)
        if cluster is None:
            self._no_cluster(request, endpoint)
            return
        required = self.node.policy.demands_link_key(cluster_id, cluster.link_key_required)
        # a frame of another profile that a faulty device takes knows no link keys
        required = required and indication.frame.profile == endpoint.profile
        if required and not indication.secured and not indication.broadcast:
            request.default_response(Status.FAILURE, secure=False)
            return
        try:
            request.command = zcl.decode(frame, cluster_id)
        except (CodecError, LookupError):
            if not (cluster.raw and frame.cluster_specific):
                self._undecodable(request, cluster)
                return
        if self.on_request is not None:
            self.on_request(request)
        if frame.cluster_specific:
            self._cluster_command(request, cluster)
        else:
            foundation.handle(request, cluster)

    def _turned(
        self, frame: ZclFrame, endpoint: Endpoint, cluster_id: int
    ) -> tuple[ZclFrame, Cluster | None]:
        """The frame as if it were for the other side of the cluster, and that side."""
        direction = Direction(1 - frame.direction)
        side = endpoint.servers if direction == Direction.TO_SERVER else endpoint.clients
        return replace(frame, direction=direction), side.get(cluster_id)

    def _no_cluster(self, request: Request, endpoint: Endpoint) -> None:
        """The other side of a cluster that is there refuses the command; an unknown one too."""
        if request.indication.broadcast:
            return
        frame = request.frame
        if not frame.cluster_specific and frame.command == general.DefaultResponse.COMMAND:
            return
        request.default_response(Status.UNSUP_CLUSTER_COMMAND)

    def _undecodable(self, request: Request, cluster: Cluster) -> None:
        frame = request.frame
        if frame.manufacturer is not None:
            request.default_response(
                Status.UNSUP_MANUF_CLUSTER_COMMAND
                if frame.cluster_specific
                else Status.UNSUP_MANUF_GENERAL_COMMAND
            )
        elif frame.cluster_specific and frame.command not in cluster.handlers:
            request.default_response(Status.UNSUP_CLUSTER_COMMAND)
        elif not frame.cluster_specific and frame.command not in foundation.KNOWN:
            request.default_response(Status.UNSUP_GENERAL_COMMAND)
        else:
            request.default_response(Status.MALFORMED_COMMAND)

    def _cluster_command(self, request: Request, cluster: Cluster) -> None:
        if request.frame.manufacturer is not None:
            request.default_response(Status.UNSUP_MANUF_CLUSTER_COMMAND)
            return
        handler = cluster.handlers.get(request.frame.command)
        if handler is None:
            request.default_response(Status.UNSUP_CLUSTER_COMMAND)
            return
        status = handler(request)
        if status is not None:
            request.default_response(status)
