"""Whose certificates the golden units hold: the harness's own test authority's, or the lab's.

A device establishes keys only with partners of an authority that it trusts. Either it is given a
certificate of the harness's authority (``python -m lab certificates EUI64`` issues one), or the
bench file names certificates of the authority that it does trust::

    [certificates]
    ca_public = "0200fde8..."          # 22 octets in hex: its compressed public key

    [[certificates.unit]]              # the first is the golden unit's, the others' follow
    certificate = "03045fdf..."        # 48 octets (suite 1)
    private_key = "00b8a900..."        # 21 octets, most significant first
"""

from __future__ import annotations

from functools import cached_property

from pydantic import Field, model_validator

from lab.config import Section
from lab.golden.key_establishment import Credentials
from lab.units.credentials import issue
from lab.verdicts import Inconclusive
from zigbee.crypto.ecqv import Certificate1, public_key
from zigbee.crypto.errors import CryptoError
from zigbee.crypto.suite import SUITE1
from zigbee.types import Eui64

__all__ = ["CertificatesPart", "Wallet"]


class UnitPart(Section):
    """One certificate of suite 1 with its private key, in hex."""

    certificate: str
    private_key: str


class CertificatesPart(Section):
    """Certificates of the authority that the devices of this bench trust."""

    ca_public: str
    unit: list[UnitPart] = Field(min_length=1)

    @model_validator(mode="after")
    def _fit(self) -> CertificatesPart:
        subjects = [_subject(one) for one in self.credentials]
        if len(set(subjects)) < len(subjects):
            raise ValueError("two units have one subject: each needs an EUI-64 of its own")
        return self

    @cached_property
    def credentials(self) -> tuple[Credentials, ...]:
        """The units. Raises ValueError for one whose certificate and keys do not fit."""
        return tuple(_credentials(one, self.ca_public) for one in self.unit)


def _credentials(unit: UnitPart, ca_public: str) -> Credentials:
    certificate, authority = bytes.fromhex(unit.certificate), bytes.fromhex(ca_public)
    private = int(unit.private_key, 16)
    try:
        Certificate1.from_bytes(certificate)
        promised = public_key(certificate, authority)
    except CryptoError as error:
        raise ValueError(f"certificate {unit.certificate[:12]}...: {error}") from None
    if SUITE1.curve.multiply_generator(private) != promised:
        raise ValueError(
            f"certificate {unit.certificate[:12]}... does not fit its private_key and ca_public"
        )
    return Credentials(certificate, private, authority)


def _subject(credentials: Credentials) -> Eui64:
    return Eui64.from_bytes_be(Certificate1.from_bytes(credentials.certificate).subject)


class Wallet:
    """The certificates of one bench, and which unit has which. Identities are given out anew for
    each case; the first one is the golden unit's throughout.
    """

    def __init__(self, part: CertificatesPart | None) -> None:
        named = part.credentials if part is not None else ()
        self._units = {_subject(one): one for one in named}
        self._free = list(self._units)[1:]

    def begin_case(self) -> None:
        """Let all identities but the golden unit's be free."""
        self._free = list(self._units)[1:]

    def home(self, own: Eui64) -> Eui64:
        """Return the golden unit's EUI-64: its radio's ``own``, or the first certificate's."""
        return next(iter(self._units), own)

    def another(self, drawn: Eui64) -> Eui64:
        """Return the EUI-64 of a further unit: ``drawn``, or the next certificate's.

        Raises Inconclusive when the bench file names no more.
        """
        if not self._units:
            return drawn
        if not self._free:
            raise Inconclusive(
                f"the case needs more than the {len(self._units)} certificates of the bench file",
                "add [[certificates.unit]]",
            )
        return self._free.pop(0)

    def of(self, eui64: Eui64) -> Credentials:
        """Return the certificate of a unit."""
        return self._units[eui64] if self._units else issue(eui64)

    def foreign(self, to: Eui64) -> Credentials:
        """Return a right certificate of the same authority whose subject is not ``to``.

        Raises Inconclusive when the bench file names none.
        """
        if not self._units:
            return issue(Eui64(int(to) ^ 0xEE))
        found = [one for subject, one in self._units.items() if subject != to]
        if not found:
            raise Inconclusive(
                "the case needs the certificate of another device", "add [[certificates.unit]]"
            )
        return found[0]
