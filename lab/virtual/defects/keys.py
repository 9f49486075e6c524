"""Faults of network keys and of key establishment."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class UnknownIssuerIsBadMessage(Defect):
    """It gives the wrong reason."""

    id = "M-P01"
    clause = "SE-C.3.1.2.3.1.2"
    description = "Answers an unknown certificate issuer with BAD_MESSAGE instead of UNKNOWN_ISSUER"
    cases = ("CBKE-06", "CBKE-07")

    def status_for_unknown_issuer(self) -> int:
        return 0x03


class TakesAnySuiteWithBit0(Defect):
    """It looks at bit 0 of the suite field only."""

    id = "M-P02"
    clause = "SE-C.3.1.2.3.1"
    description = "Takes an Initiate with suite 0x0003 as if it were 0x0001"
    cases = ("CBKE-13",)

    def supports_suite(self, suite: int) -> bool:
        return bool(suite & 0x0001)


class PadsShortCertificates(Defect):
    """It makes 48 octets out of 47."""

    id = "M-P03"
    clause = "SE-C.3.1.2.3.1.2"
    description = "Accepts a 47-octet certificate and pads it with a zero octet"
    cases = ("CBKE-08",)

    def certificate_from(self, identity: bytes) -> bytes | None:
        return identity + b"\x00" if len(identity) == 47 else super().certificate_from(identity)


class ConfirmsWithoutEphemeral(Defect):
    """It answers what it never computed."""

    id = "M-P04"
    clause = "SE-C.3.1.2.3.3"
    description = "Accepts Confirm Key directly after Initiate and answers it"
    cases = ("CBKE-17",)

    def may_confirm(self, *, ephemeral_done: bool) -> bool:
        return True


class IgnoresWrongMac(Defect):
    """Any confirmation will do."""

    id = "M-L02"
    clause = "SE-C.3.1.2.3.3"
    description = "Takes a confirmation MAC without comparing it"
    cases = ("CBKE-14", "CBKE-15", "CBKE-09", "CBKE-11", "CBKE-16", "CBKE-27", "CBKE-39")

    def mac_matches(self, expected: bytes, received: bytes) -> bool:
        return True


class PadsShortEphemerals(Defect):
    """It makes 22 octets out of 21."""

    id = "M-P35"
    clause = "SE-C.3.1.3"
    description = "As initiator takes an Ephemeral Data Response of 21 octets and pads it"
    cases = ("CBKE-40", "CBKE-28")

    def ephemeral_from(self, octets: bytes) -> bytes | None:
        return octets + b"\x00" if len(octets) == 21 else super().ephemeral_from(octets)


class SwitchesAtOnce(Defect):
    """It does not wait for the order."""

    id = "M-P09"
    clause = "ZB-4.6.3.4"
    description = "Switches to a new network key as soon as Transport Key arrives"
    cases = ("TP/SEC/BV-26-I", "TP/SEC/BV-27-I", "NKEY-07")

    def switches_on_transport_key(self) -> bool:
        return True


class KeepsAllNetworkKeys(Defect):
    """It never forgets a key."""

    id = "M-P10"
    clause = "SE-5.4.4"
    description = "Keeps every network key it was ever given and accepts frames under any of them"
    cases = ("NKEY-02",)

    def network_keys_kept(self) -> int:
        return 1000


class TakesDataUnderCodeKey(Defect):
    """To it a link key is a link key."""

    id = "M-TCP-07"
    clause = "SE-5.4.7.2"
    description = "Takes APS data under the link key of its install code"
    cases = ("TCP-07",)

    def takes_data_under_code_key(self) -> bool:
        return True


class DropsFormerKey(Defect):
    """It holds one network key, and no alternate."""

    id = "M-TCP-08"
    clause = "ZB-4.3"
    description = "Drops the network key of before as soon as it is told to switch"
    cases = ("TCP-08",)

    def keeps_former_key(self) -> bool:
        return False


class SwitchesToUnknown(Defect):
    """It does not look whether it has the key."""

    id = "M-NKEY-03"
    clause = "ZB-4.4.7"
    description = "Obeys Switch Key to a key that never came: the key in use gets its number"
    cases = ("NKEY-03",)

    def switches_to_unknown(self) -> bool:
        return True


class KnowsNoWrap(Defect):
    """After 255 it hears of no new key."""

    id = "M-NKEY-06"
    clause = "ZB-4.6.3.4"
    description = "Takes a new network key only if its sequence number is above that in use"
    cases = ("NKEY-06",)

    def takes_key_sequence(self, sequence: int, current: int) -> bool:
        return sequence > current


class CountsFromZeroAgain(Defect):
    """It installs a key that it has once more."""

    id = "M-NKEY-08"
    clause = "ZB-4.3"
    description = "Takes incoming counters from 0 when the key in use arrives again"
    cases = ("NKEY-08",)

    def restarts_incoming(self, *, held: bool) -> bool:
        return True


DEFECTS = (
    UnknownIssuerIsBadMessage,
    TakesAnySuiteWithBit0,
    PadsShortCertificates,
    ConfirmsWithoutEphemeral,
    IgnoresWrongMac,
    PadsShortEphemerals,
    SwitchesAtOnce,
    KeepsAllNetworkKeys,
    TakesDataUnderCodeKey,
    DropsFormerKey,
    SwitchesToUnknown,
    KnowsNoWrap,
    CountsFromZeroAgain,
)
