"""The capture of one case, from what the sniffer heard and what is known of keys and steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.verdicts import StepRecord
from reports.keys import KnownKey, announce_keys, announce_nodes, capture_nodes, capture_pans
from reports.pcapng import Capture, Received
from zigbee.keyring import AddressBook, KeyRing


def case_capture(
    title: str,
    frames: Iterable[Received],
    steps: Sequence[StepRecord],
    keys: KeyRing,
    addresses: AddressBook | None = None,
) -> Capture:
    """Return the frames of a case with its steps as comments and its keys at the head.

    Each step is a comment on the first frame after its start. `addresses` are those of the whole
    campaign: a node that only other nodes speak for in this case is known from an earlier one.
    """
    capture = Capture([title])
    waiting = sorted(
        (step for step in steps if step.started is not None), key=lambda step: step.started or 0.0
    )
    for frame in frames:
        while waiting and (waiting[0].started or 0.0) <= frame.time:
            capture.mark(_comment(waiting.pop(0)))
        capture.add_received(frame)
    for step in waiting:
        capture.mark(_comment(step))
    announce_keys(capture, known_keys(keys))
    nodes = capture_nodes(capture)
    if addresses is not None:
        for pan in capture_pans(capture):
            known = addresses.sure(pan)
            nodes = {(pan, short): eui for short, eui in known.items()} | nodes
    announce_nodes(capture, nodes)
    return capture


def known_keys(keys: KeyRing) -> list[KnownKey]:
    """Return the keys of a key ring as captures announce them."""
    known = [
        KnownKey(octets, "network key", True, sequence)
        for sequence, several in keys.network.items()
        for octets in several
    ]
    return known + [KnownKey(link.key, link.label or "link key") for link in keys.links]


def _comment(step: StepRecord) -> str:
    expected = f"; expected: {step.expect}" if step.expect else ""
    return f"step: {step.text}{expected}"
