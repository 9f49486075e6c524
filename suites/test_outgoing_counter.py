"""PRO: the life of a device's outgoing NWK frame counter (053474 4.3)."""

from lab.cases import case, observe, remark, should, step
from lab.judging import demand, in_service
from lab.patterns import nwk
from lab.procedures import fresh, join
from lab.registers.facts import fact
from lab.verdicts import Inconclusive


def counters(air, since, key=None):
    """The NWK counters that the device used since ``since``, under one network key or any."""
    return [
        one.packet.nwk.aux.frame_counter
        for one in air.find(nwk(), since=since)
        if one.packet.nwk.aux is not None and key in (None, one.packet.nwk_key)
    ]


@case(
    "TP/R21/BV-12",
    clauses=["ZB-4.3"],
    pics=["NR-R21", "COM-UIRST"],
    dut=["joiner"],
    kind="security",
    needs=["radio", "sniffer", "console"],
    findings=["F-38"],
    facts=["frame_counter.kept_over_factory_reset"],
)
def test_outgoing_counter_is_kept_over_factory_reset(tc, dut, air):
    """Outgoing NWK counter kept over factory reset."""

    def used(start):
        in_service(tc)
        return counters(air, start, tc.network_key.key)

    with step("Join network 1", "counters are recorded"):
        start = air.mark()
        join(tc, dut)
        runs = [used(start)]
        pan, epid, key = tc.node.mac.pan, tc.node.nwk.extended_pan, tc.network_key
    with step("Factory reset, join network 2", "the counter is above the last one"):
        start = air.mark()
        join(tc, dut)
        runs.append(used(start))
        demand(min(runs[1]) > max(runs[0]), f"above {max(runs[0])}", f"from {min(runs[1])}")
    with step("Factory reset, join network 1 again", "the counter is above the last one"):
        start = air.mark()
        link_key = fresh(tc, dut)
        tc.do(tc.coordinator.form, channel=tc.channel, pan=pan, extended_pan=epid, key=key)
        tc.register(dut.eui64, link_key)
        tc.enter(dut)
        runs.append(used(start))
        demand(min(runs[2]) > max(runs[1]), f"above {max(runs[1])}", f"from {min(runs[2])}")


@case(
    "TP/R21/BV-13",
    clauses=["ZB-4.3", "ZB-4.4.7"],
    pics="NR-R21",
    kind="security",
    needs=["radio", "sniffer"],
    findings=["F-38"],
)
def test_outgoing_counter_restarts_only_from_a_high_value(tc, dut_in_service, air):
    """Outgoing counter reset only on key change from a high value; incoming kept per key."""
    if not dut_in_service.offers("set_frame_counter"):
        raise Inconclusive(
            "the DUT file gives no means to raise the frame counter",
            "add the console action set_frame_counter",
        )
    with step(
        "Raise the counter above 0x80000000; update and switch the network key",
        "it restarts low under the new sequence, and not before",
    ):
        high = fact("frame_counter.reset_threshold")
        dut_in_service.do("set_frame_counter", value=high + 0x100)
        tc.bench.wait(1)  # a frame that was secured before may still be on its way
        start = air.mark()
        in_service(tc)
        before = counters(air, start)
        demand(min(before) >= high, f"from {high:#x} on", f"from {min(before):#x} on")
        key = tc.update_network_key(dut_in_service)
        in_service(tc)
        late = counters(air, start)
        old = [one for one in late if one not in counters(air, start, key.key)]
        demand(min(old) >= high, "no restart under the old sequence", f"from {min(old):#x} on")
        low = counters(air, start, key.key)
        should(min(low) < high, "a restart under the new sequence", f"from {min(low):#x} on")
    with step("Update and switch with the counter below 0x80000000", "the counter goes on"):
        high = fact("frame_counter.reset_threshold")
        last = max(counters(air, start, key.key))
        if last >= high:
            remark("the counter is still above 0x80000000")
        key = tc.update_network_key(dut_in_service)
        in_service(tc)
        first = min(counters(air, start, key.key))
        demand(first > last or last >= high, f"above {last:#x}", f"from {first:#x} on")
    with step("Control reads", "answered"):
        in_service(tc)
        observe("the peers take the frames")
