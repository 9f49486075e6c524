"""Faults of partner link keys and of servers on other nodes."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class TakesBarePartnerKey(Defect):
    """Anybody may give it a key."""

    id = "M-P28"
    clause = "SE-5.4.7.4"
    description = "Installs a partner link key that arrives without APS security"
    cases = ("PLK-05",)

    def accepts_partner_key(self, *, from_trust_center: bool, asked: bool) -> bool:
        return True


class TakesOnlyWhatItAskedFor(Defect):
    """It never heard that its partner may ask."""

    id = "M-P29"
    clause = "SE-5.4.7.4"
    description = "Takes a partner link key only when it asked for it itself"
    cases = ("PLK-10",)

    def accepts_partner_key(self, *, from_trust_center: bool, asked: bool) -> bool:
        return from_trust_center and asked


class UsesNetworkKeyAlone(Defect):
    """It does without a partner key."""

    id = "M-PLK-04"
    clause = "SE-5.4.7.4"
    description = "Reads a second ESI under the network key and asks for no partner key"
    cases = ("PLK-04",)

    def needs_partner_key(self) -> bool:
        return False


class LosesPartnerKeys(Defect):
    """It stores the trust center's key only."""

    id = "M-PLK-06"
    clause = "SE-5.4.7.4"
    description = "Loses its partner link keys with the power"
    cases = ("PLK-06",)

    def keeps_partner_keys(self) -> bool:
        return False


class OneKeySlot(Defect):
    """It has room for one established key."""

    id = "M-PLK-09"
    clause = "SE-5.4.7.4"
    description = "Stores the key that it establishes with a peer in place of the trust center's"
    cases = ("PLK-09",)

    def holder_of_key(self, subject: int, trust_center: int | None) -> int:
        return subject if trust_center is None else trust_center


class KnowsOnlyTheTrustCenter(Defect):
    """It looks for servers on the trust center, and nowhere else."""

    id = "M-SD-02"
    clause = "SE-5.5.5.2"
    description = "Never looks for servers on other nodes than the trust center"
    cases = ("SD-02", "PLK-04")

    def looks_for_other_servers(self) -> bool:
        return False


class GivesUpDiscovery(Defect):
    """The first refusal is the last."""

    id = "M-SD-05"
    clause = "SE-5.5.5.2"
    description = "Asks no other node once one ESI has refused a service"
    cases = ("SD-05",)

    def goes_on_after_refusal(self) -> bool:
        return False


class BrokersForAnybody(Defect):
    """It does not look whether the two are authenticated."""

    id = "M-PLK-03"
    dut = "esi"
    clause = "SE-5.4.7.4"
    description = "Gives partner keys to devices that have not established a link key"
    cases = ("PLK-03", "PLK-08", "PLK-11")

    def brokers_for(self, *, requester: bool, partner: bool) -> bool:
        return True


class WaitsForNobody(Defect):
    """It is ahead of its time."""

    id = "M-PLK-02"
    dut = "esi"
    revision = "1.0"
    clause = "SE-5.4.7.4"
    description = "Declared to 1.0, gives a partner key although only one of the two has asked"
    cases = ("PLK-02",)

    def waits_for_both(self) -> bool:
        return False


class GivesKeyToOne(Defect):
    """It leaves it to the one who asked to tell the other."""

    id = "M-PLK-01"
    dut = "esi"
    clause = "SE-5.4.7.4"
    description = "Gives the partner key to the device that asked, and not to its partner"
    cases = ("PLK-01",)

    def gives_key_to_both(self) -> bool:
        return False


class AsksEverySecond(Defect):
    """It cannot wait."""

    id = "M-PLK-07"
    clause = "SE-5.4.7.4"
    description = "Repeats an unanswered Request Key every second for ever"
    cases = ("PLK-07",)

    def partner_key_retry_in(self, attempt: int) -> float:
        return 1.0


DEFECTS = (
    TakesBarePartnerKey,
    TakesOnlyWhatItAskedFor,
    UsesNetworkKeyAlone,
    LosesPartnerKeys,
    OneKeySlot,
    KnowsOnlyTheTrustCenter,
    GivesUpDiscovery,
    BrokersForAnybody,
    WaitsForNobody,
    GivesKeyToOne,
    AsksEverySecond,
)
