"""Keys and readings that can be had by those who should not have them."""

from __future__ import annotations

from lab.virtual.defects.base import Defect

__all__ = ["DEFECTS"]

METERING = 0x0702


class TellsKeys(Defect):
    """Its firmware was built for debugging."""

    id = "M-STORE-01"
    clause = "LAB-STORE"
    description = "Shows each link key on its console when it is established"
    cases = ("STORE-01",)

    def tells_keys(self) -> bool:
        return True


class ServesKeys(Defect):
    """It lets its commissioning tool read what that tool wrote."""

    id = "M-STORE-02"
    clause = "LAB-STORE"
    description = "Has the network key as a readable attribute of its Commissioning cluster"
    cases = ("STORE-02",)

    def serves_keys(self) -> bool:
        return True


class ReadingsForEverybody(Defect):
    """It takes the network key for permission enough."""

    id = "M-PRIV-01"
    clause = "SE-5.4.6"
    description = "Answers reads of the Metering cluster under the network key alone"
    cases = ("PRIV-01", "LKEY-01")
    dut = "meter"

    def demands_link_key(self, cluster: int, required: bool) -> bool:
        return required and cluster != METERING


class PrintsItsCode(Defect):
    """Its log is for those who make it."""

    id = "M-JOIN-25"
    clause = "SE-5.4.8.1"
    description = "Writes its install code to the console at each boot"
    cases = ("JOIN-25",)

    def tells_install_code(self) -> bool:
        return True


class DumpsMemory(Defect):
    """It was never given a production build."""

    id = "M-STORE-03"
    clause = "LAB-STORE"
    description = "Has a console command that shows its memory, keys included"
    cases = ("STORE-03",)

    def dumps_memory(self) -> bool:
        return True


class PassesCustomerData(Defect):
    """It is a bridge that calls itself a gateway."""

    id = "M-SCOPE-02"
    clause = "SE-5.9"
    description = "Sends what comes from the customer's network on into the profile's as it is"
    cases = ("SCOPE-02",)
    dut = "gateway"

    def passes_customer_data(self) -> bool:
        return True


class ShowsFormerAccount(Defect):
    """What is on its screen stays there."""

    id = "M-PRIV-02"
    clause = "SE-5.4.2.2.2"
    description = "Goes on showing the prices of the network that it was removed from"
    cases = ("PRIV-02",)

    def forgets_account(self) -> bool:
        return False


DEFECTS = (
    TellsKeys,
    ServesKeys,
    ReadingsForEverybody,
    PrintsItsCode,
    DumpsMemory,
    PassesCustomerData,
    ShowsFormerAccount,
)
