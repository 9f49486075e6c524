"""Which frames are taken: counters, MICs, MAC, ZCL."""

from __future__ import annotations

__all__ = ["FramePolicy"]


class FramePolicy:
    """A conformant node's decisions of this chapter."""

    # -- frame counters and MICs (ZB 4.3, 4.4.1) -------------------------------------------------

    def nwk_counter_is_fresh(self, counter: int, expected: int, *, broadcast: bool) -> bool:
        """Whether an incoming NWK counter is taken; ``expected`` is the last one plus one."""
        return expected <= counter < 0xFFFFFFFF

    def aps_counter_is_fresh(self, counter: int, expected: int) -> bool:
        """Whether an incoming APS counter is taken; ``expected`` is the last one plus one."""
        return expected <= counter < 0xFFFFFFFF

    def checks_aps_mic(self) -> bool:
        """Whether an APS frame whose MIC does not verify is dropped (ZB 4.4.1)."""
        return True

    def counts_unverified_nwk(self) -> bool:
        """Whether the counter of a NWK frame counts before its MIC was verified (ZB 4.3: no)."""
        return False

    def keeps_incoming_counters(self) -> bool:
        """Whether the incoming APS counters are there after a loss of power (ZB 4.3)."""
        return True

    def counts_acknowledgements(self) -> bool:
        """Whether an APS acknowledgement takes a frame counter of its own (ZB 4.4.1)."""
        return True

    def level_on_air(self) -> int:
        """The security level bits of frames that are sent (ZB 4.3.1.1, 4.4.1.1: 0)."""
        return 0

    def level_of(self, on_air: int) -> int:
        """The security level at which a NWK frame is opened that says ``on_air`` (ZB 4.3.1.2)."""
        return 5

    def source_matches(self, claimed: int, known: int | None) -> bool:
        """Whether APS data secured by ``claimed`` may come from the NWK address of ``known``.

        (ZB 4.4.1) ``known`` is ``None`` where that address was not seen yet.
        """
        return known is None or claimed == known

    def counter_after_boot(self, value: int) -> int:
        """The outgoing counter after a loss of power, by the one in memory (ZB 4.3)."""
        return value

    # -- MAC (M15.4, 064309) ---------------------------------------------------------------------

    def mac_version(self) -> int:
        """The frame version of the node's MAC frames (M15.4: 0, without MAC security)."""
        return 0

    def reads_mac_secured(self) -> bool:
        """Whether a MAC frame with the security bit is taken (SPP-MAC: no)."""
        return False

    def obeys_realignment(self) -> bool:
        """Whether an unsecured Coordinator Realignment moves a joined node (ZB 3.6.1: no)."""
        return False

    def takes_unsecured_nwk(self) -> bool:
        """Whether a joined node takes NWK data without NWK security (ZB 4.3: no)."""
        return False

    def takes_nwk_version(self, version: int) -> bool:
        """Whether a NWK frame of this protocol version is taken (ZB 3)."""
        return version == 2

    # -- ZCL (ZCL 2.3, 2.4, 5.4.6) ---------------------------------------------------------------

    def answers_broadcasts(self) -> bool:
        """Whether a broadcast command gets a Default Response (ZCL 2.4: never)."""
        return False

    def gives_default_response(self, *, success: bool, disabled: bool) -> bool:
        """Whether a unicast command gets a Default Response; ``disabled`` is its bit 4 (ZCL 2.4).

        Errors are reported all the same.
        """
        return not (success and disabled)

    def reports_unsupported(self) -> bool:
        """Whether an attribute that is not there has its record in a read's answer (ZCL 2.3)."""
        return True

    def lists_attribute(self, attribute: int, start: int) -> bool:
        """Whether Discover Attributes from ``start`` on lists this one (ZCL 2.3)."""
        return attribute >= start

    def takes_endpoint(self, asked: int | None, own: int) -> bool:
        """Whether the endpoint ``own`` takes a frame to endpoint ``asked`` (ZCL 2.3)."""
        return asked == own

    def respects_direction(self) -> bool:
        """Whether the direction bit says which side of a cluster a command is for (ZCL 2.3)."""
        return True

    def tells_identify_time(self, left: int) -> bool:
        """Whether Identify Query is answered with ``left`` seconds to go: while it lasts (6.1)."""
        return left > 0

    def takes_foreign_profile(self, profile: int) -> bool:
        """Whether an endpoint takes frames of another profile than its own (5.9: no)."""
        return False

    def secures_request(self, required: bool) -> bool:
        """Whether a frame of its own is protected by a link key where 5.4.6 requires it."""
        return required

    def secures_answer(self, asked: bool) -> bool:
        """Whether an answer is protected by a link key: as the request was (5.4.6, ZB 4.4.1)."""
        return asked

    def demands_link_key(self, cluster: int, required: bool) -> bool:
        """Whether a frame on ``cluster`` without APS security is refused (5.4.6)."""
        return required
