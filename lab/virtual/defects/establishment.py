"""Faults of key establishment in time, order and chance (075356 Annex C)."""

from __future__ import annotations

import random

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]


class TakesOthersCertificate(Defect):
    """It never looks whose certificate it is."""

    id = "M-CBKE-10"
    clause = "SE-C.3.1.2.3.1.2"
    description = "Claims to check the certificate's subject, and takes that of another device"
    cases = ("CBKE-10", "CBKE-37")

    def subject_is_partner(self, subject: bytes, partner: bytes) -> bool:
        return True


class IgnoresWaitTime(Defect):
    """A partner that is busy is asked again at once."""

    id = "M-CBKE-18"
    clause = "SE-C.3.1.2.3.4"
    description = "Begins again at its own pace, whatever wait time Terminate asked for"
    cases = ("CBKE-18",)

    def wait_after_terminate(self, seconds: float) -> float:
        return 0.0


class NeverDropsExchange(Defect):
    """It waits for the partner for ever."""

    id = "M-CBKE-21"
    clause = "SE-C.3.1.1"
    description = "Goes on with an exchange that was silent for minutes"
    cases = ("CBKE-21",)

    def drops_idle_exchange(self) -> bool:
        return False


class HasItsOwnPatience(Defect):
    """It gives every partner ten seconds."""

    id = "M-CBKE-22"
    clause = "SE-C.3.1.2.3.1"
    description = "Ends an exchange after 10 s although the partner advertised 20 s"
    cases = ("CBKE-22",)

    def partner_patience(self, advertised: int) -> float:
        return 10.0


class LateForItsOwnTimes(Defect):
    """It promises what its processor cannot keep."""

    id = "M-CBKE-23"
    clause = "SE-C.3.1.2.3.1"
    description = "Needs 5 s more than it advertises to make its ephemeral key"
    cases = ("CBKE-23",)

    def generation_time(self, seconds: float, advertised: int) -> float:
        return advertised + 5.0


class RefusesZeroTimes(Defect):
    """It takes zero for a field that is missing."""

    id = "M-CBKE-24"
    clause = "SE-C.3.1.2.3.1"
    description = "Refuses an Initiate whose generate times are 0"
    cases = ("CBKE-24",)

    def takes_generate_times(self, times: bytes) -> bool:
        return 0 not in times


class OneEphemeralForAll(Defect):
    """It draws one ephemeral key in its life."""

    id = "M-CBKE-25"
    clause = "SE-C.3.1.2.3.2"
    description = "Uses the same ephemeral key in every exchange"
    cases = ("CBKE-25", "CBKE-26", "CBKE-29")

    def ephemeral_octets(self, rng: random.Random, count: int) -> bytes:
        return (0x51E5).to_bytes(count, "big")


class CountsEphemerals(Defect):
    """Its ephemeral keys differ, and follow one from the other."""

    id = "M-CBKE-29"
    clause = "ZB-4.5.4.1"
    description = "Makes its next ephemeral private key by adding 257 to the last"
    cases = ("CBKE-29",)

    def __init__(self) -> None:
        self._last: int | None = None

    def ephemeral_octets(self, rng: random.Random, count: int) -> bytes:
        drawn = int.from_bytes(super().ephemeral_octets(rng, count), "big") >> 16
        self._last = drawn if self._last is None else self._last + 257
        return self._last.to_bytes(count, "big")


class AnybodyMayTerminate(Defect):
    """It does not look who sent Terminate."""

    id = "M-CBKE-31"
    clause = "SE-C.3.1.2.3.4"
    description = "Ends an exchange when a third node sends Terminate"
    cases = ("CBKE-31",)

    def may_terminate(self, source: int, partner: int) -> bool:
        return True


class ForgetsKeyOnFailure(Defect):
    """A failed exchange costs it the key that it had."""

    id = "M-CBKE-32"
    clause = "SE-C.2"
    description = "Deletes the link key in force when an exchange fails"
    cases = ("CBKE-32",)

    def keeps_link_key(self, when: str) -> bool:
        return when != "failed"


class ErasesKeyTooEarly(Defect):
    """It makes room for the new key before it has it."""

    id = "M-CBKE-33"
    clause = "LAB-PWR"
    description = "Erases the old link key from memory before the new one is confirmed"
    cases = ("CBKE-33",)

    def keeps_link_key(self, when: str) -> bool:
        return when != "confirming"


class AssumesEndpointOne(Defect):
    """It knows better where the cluster is."""

    id = "M-CBKE-34"
    clause = "SE-5.4.7.3"
    description = "Initiates key establishment with endpoint 1, whatever discovery found"
    cases = ("CBKE-34", "CBKE-35")

    def establishment_endpoints(self, found: tuple[int, ...]) -> tuple[int, ...]:
        return (1,)


class EstablishesWithAll(Defect):
    """It runs one exchange for each endpoint that it found."""

    id = "M-CBKE-35"
    clause = "SE-5.4.7.2"
    description = "Establishes a key with each endpoint of the trust center, one after the other"
    cases = ("CBKE-35",)

    def establishment_endpoints(self, found: tuple[int, ...]) -> tuple[int, ...]:
        return found


class SwapsSuites(Defect):
    """It writes the suites most significant octet first."""

    id = "M-CBKE-36"
    clause = "SE-C.3.1.2.3.4"
    description = "Sends the suites field of Terminate in big-endian order"
    cases = ("CBKE-36", "CBKE-12")

    def suites_in_terminate(self) -> int:
        return 0x0100


class AnswersHighSecurity(Defect):
    """It speaks a protocol that the profile does not use."""

    id = "M-CBKE-38"
    clause = "SE-5.2"
    description = "Answers SKKE and entity authentication commands"
    cases = ("CBKE-38",)

    def answers_high_security(self) -> bool:
        return True


class TakesUnaskedResponse(Defect):
    """It goes on with an exchange that it never began."""

    id = "M-CBKE-41"
    clause = "SE-C.3.1.3"
    description = "Answers an Initiate Response that nobody asked for with Ephemeral Data"
    cases = ("CBKE-41",)

    def takes_unasked_response(self) -> bool:
        return True


class ReversesLinkKey(Defect):
    """It copies the key as it copies an EUI-64."""

    id = "M-CBKE-01"
    clause = "SE-C.2"
    description = "Uses the link key of an exchange with its octets in reverse order"
    cases = ("CBKE-01",)

    def established_key(self, octets: bytes) -> bytes:
        return octets[::-1]


class TellsNoTimes(Defect):
    """It has not measured how long it takes."""

    id = "M-CBKE-02"
    clause = "SE-C.3.1.2.3.1.2"
    description = "Puts 0xFF into the generate times of its Initiate Response"
    cases = ("CBKE-02",)

    def time_in_response(self, advertised: int) -> int:
        return 0xFF


class ListsSuiteTwo(Defect):
    """Its attribute table is that of a later stack."""

    id = "M-CBKE-04"
    clause = "SE-C.3.1.2.2"
    description = "Lists cryptographic suite 2, which it does not have, beside suite 1"
    cases = ("CBKE-04",)

    def suites_listed(self) -> int:
        return 0x0003


class NeverStops(Defect):
    """It goes on with what it has begun."""

    id = "M-CBKE-30"
    clause = "SE-C.3.1.2.3.4"
    description = "Takes no notice of Terminate while it responds"
    cases = ("CBKE-30",)

    def may_terminate(self, source: int, partner: int) -> bool:
        return False


class StripsLeadingZeros(Defect):
    """To it a shared secret is a number."""

    id = "M-CBKE-03"
    clause = "SE-C.4.2"
    description = "Drops leading zero octets of the shared secret before it derives keys"
    cases = ("CBKE-03",)

    def secret_in_kdf(self, secret: bytes) -> bytes:
        return secret.lstrip(b"\0")


DEFECTS = (
    TakesOthersCertificate,
    IgnoresWaitTime,
    NeverDropsExchange,
    HasItsOwnPatience,
    LateForItsOwnTimes,
    RefusesZeroTimes,
    OneEphemeralForAll,
    CountsEphemerals,
    AnybodyMayTerminate,
    ForgetsKeyOnFailure,
    ErasesKeyTooEarly,
    AssumesEndpointOne,
    EstablishesWithAll,
    SwapsSuites,
    AnswersHighSecurity,
    TakesUnaskedResponse,
    ReversesLinkKey,
    TellsNoTimes,
    ListsSuiteTwo,
    NeverStops,
    StripsLeadingZeros,
)
