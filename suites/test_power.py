"""PWR: the device and its supply (requirements of the lab)."""

from lab.cases import case, step
from lab.judging import answers_probe, holds, in_service
from lab.patterns import mac, zcl
from zigbee.mac import AssociationRequest

POWER = ["radio", "sniffer", "supply"]
BOOT = 120.0


def back_in_service(tc, air, since):
    """Demand CTRL and KEYPROBE, without a new association or key establishment."""
    in_service(tc)
    answers_probe(tc)
    anew = air.find(mac(AssociationRequest), since=since)
    anew += air.find(zcl("InitiateKeyEstablishmentRequest"), since=since)
    holds(not anew, "no association, no Initiate", "commissioning kept")


@case("PWR-01", clauses=["LAB-PWR", "ZB-3.6.1", "5.3"], pics="LL-NVM", needs=POWER, deadline=20000)
def test_commissioning_survives_power_cycles(tc, dut_in_service, air):
    """Commissioning survives 50 power cycles."""
    with step("50 power cycles with off times of 0.1, 0.5, 1, 5 and 60 s", "in service each time"):
        for off in (0.1, 0.5, 1, 5, 60) * 10:
            start = air.mark()
            dut_in_service.power_cycle(off)
            back_in_service(tc, air, start)


@case(
    "PWR-02",
    clauses=["LAB-PWR"],
    pics="BEN-MAINS",
    kind="robustness",
    needs=POWER,
    deadline=20000,
    findings=["F-38"],
)
def test_brown_outs(tc, dut_in_service, air):
    """Brown-outs and ramps leave the device in order."""
    with step("Ramps from nominal to 0 and back in 5, 1 and 0.2 s", "in service after each"):
        for seconds in (5, 1, 0.2):
            start = air.mark()
            dut_in_service.ramp(seconds)
            back_in_service(tc, air, start)
    with step("1 s at ten levels from 30 to 100 percent, five times", "in service after each"):
        for _ in range(5):
            for percent in range(30, 101, 7)[:10]:
                start = air.mark()
                dut_in_service.dip(percent / 100, 1)
                back_in_service(tc, air, start)
