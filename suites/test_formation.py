"""TCP: where a trust center forms its network (075356 5.5.1, 053474 3.6.1)."""

from drivers.console import ActionRefused
from lab.cases import case, should, step
from lab.patterns import beacon
from lab.procedures import require

BUSY_PAN, RUNS, REQUESTS = 0x1AAA, 10, 6
FORM_MAX, LISTEN = 30.0, 1.0


def beacons(joiner):
    """The beacons that answer beacon requests, whoever sends them: two at once may collide."""
    start = joiner.air.mark()
    for _ in range(REQUESTS):
        joiner.do(joiner.node.mac.request_beacons)
        joiner.bench.wait(LISTEN)
    return [one.packet for one in joiner.air.find(beacon(), since=start, dut=False)]


def occupy(joiner, neighbour, pan):
    """Have ``neighbour`` be the network of a PAN id, and make sure that it answers as such."""
    neighbour.form(pan=pan)
    require(any(one.mac.src_pan == pan for one in beacons(joiner)), f"a network {pan:#06x} answers")


def pans_formed(joiner, dut, neighbour, action, **parameters):
    """Order a formation; the PAN ids in the beacons of the device, none when it reports an error.

    Beacons of ``neighbour``, the network that is there already, are known by its extended PAN id.
    """
    try:
        dut.do(action, channel=joiner.channel, **parameters)
    except ActionRefused:
        return []
    joiner.bench.wait(FORM_MAX)
    known = neighbour.node.nwk.extended_pan
    own = [one for one in beacons(joiner) if one.beacon.extended_pan_id != known]
    return sorted({one.mac.src_pan for one in own})


@case(
    "TCP-09",
    clauses=["5.5.1", "ZB-3.6.1"],
    pics="NR-ZC",
    dut=["tc"],
    level="should",
    needs=["radio", "second_radio", "sniffer", "console"],
)
def test_formation_avoids_a_busy_pan(joiner, dut, second_network):
    """Formation avoids a PAN id that is in use on the channel."""
    dut.ensure_powered()
    joiner.renew()
    joiner.do(joiner.node.mac.tune, channel=joiner.channel, pan=0xFFFF, short=0xFFFE)
    with step("Another network is PAN 0x1AAA; order a formation with that PAN id", "another one"):
        dut.factory_reset()
        occupy(joiner, second_network, BUSY_PAN)
        pans = pans_formed(joiner, dut, second_network, "form_pan", pan=BUSY_PAN)
        shown = f"beacons of the device as {', '.join(map(hex, pans))}"
        should(BUSY_PAN not in pans, "no beacon of the device as PAN 0x1AAA", shown)
    with step("Ten formations without a PAN id; the other network takes the last one", "another"):
        for _ in range(RUNS):
            busy = pans[0] if pans else BUSY_PAN
            dut.factory_reset()
            occupy(joiner, second_network, busy)
            pans = pans_formed(joiner, dut, second_network, "form")
            shown = f"beacons of the device as {', '.join(map(hex, pans))}"
            should(pans and busy not in pans, f"another PAN id than {busy:#06x}", shown)
