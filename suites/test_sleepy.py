"""POLL, MAC, NKEY: a sleepy end device and its parent (075356 5.3.4, 5.4.4, IEEE 802.15.4)."""

from itertools import pairwise
from statistics import mean, median

from lab.cases import case, observe, remark, should, step
from lab.golden.effects import MatchSources
from lab.judging import absent, answers_probe
from lab.patterns import any_frame, mac, nwk, zdp
from lab.procedures import quiet
from lab.recovery import ASSOCIATION, INITIATE, rejoin_request, renew, under
from lab.registers.facts import fact
from lab.verdicts import Inconclusive
from zigbee.crypto import install_code
from zigbee.mac import DataRequest

#: Seconds for which a parent holds a frame (macTransactionPersistenceTime).
HELD = 7.68


def polls(air, since):
    """When the device sent data requests, repetitions of one MAC frame left out."""
    times, last = [], None
    for one in air.find(mac(DataRequest), since=since):
        if one.packet.mac.sequence != last:
            times.append(one.time)
        last = one.packet.mac.sequence
    return times


@case(
    "POLL-01",
    clauses=["5.3.4", "5.2"],
    pics="NR-SED",
    dut=["sleepy"],
    level="should",
    findings=["F-39"],
    deadline=6000,
)
def test_poll_rate_of_an_end_device(tc, dut_in_service, air):
    """Poll rate of an end device."""
    with step("Record 3600 s idle", "data requests 7.5 s apart or more, by the median"):
        quiet(tc, 60)
        start = air.mark()
        quiet(tc, 3600)
        gaps = [b - a for a, b in pairwise(polls(air, start))]
        rate = median(gaps) if gaps else 0.0
        should(
            rate >= (least := fact("end_device.poll_not_faster_than")),
            f"a median gap of {least} s at least",
            f"{len(gaps)} gaps, median {rate:.2f} s, longest {max(gaps, default=0):.2f} s",
        )
    with step("Queue a control read at the parent", "fetched and answered"):
        period, queued = tc.bench.dut_file.timing.poll_period, tc.bench.now()
        frame, sequence = tc.control_frame()
        tc.send_aps(frame)
        fetched = air.seek(any_frame().numbered(sequence), within=period + HELD, dut=False)
        should(
            fetched is not None,
            f"fetched within {period + HELD:g} s",
            f"fetched after {fetched.time - queued:.2f} s" if fetched else "not fetched",
        )
        answered = tc.control_read()
        should(answered, "an answer to a control read", "an answer" if answered else "no answer")


def amperes(tc, seconds):
    """The mean of the device's current, measured each second."""
    found = []
    for _ in range(seconds):
        found.append(tc.bench.call(tc.bench.supply.measure_current(), 5.0, "the supply"))
        quiet(tc, 1)
    return mean(found)


def gap(air, since):
    """The median of the seconds between two polls."""
    found = [b - a for a, b in pairwise(polls(air, since))]
    return median(found) if found else 0.0


def idle_minute(tc, air):
    """Poll gap and mean current of a minute after a minute, in both of which it does but poll."""
    for _ in range(10):
        rest = air.mark()
        quiet(tc, 60)
        start = air.mark()
        current = amperes(tc, 60)
        if not air.find(nwk(), since=rest):
            return gap(air, start), current
    raise Inconclusive("the device was not idle for two minutes in twenty")


@case(
    "MAC-03",
    clauses=["M15.4"],
    pics="NR-SED",
    dut=["sleepy"],
    level="should",
    kind="robustness",
    needs=["radio", "sniffer", "supply"],
    findings=["F-23", "F-39"],
    version=3,
)
def test_frame_pending_promised_but_nothing_sent(tc, dut_in_service, air):
    """Frame pending promised but nothing sent."""

    def promise(*addresses):
        tc.do(tc.node.outbox.append, MatchSources(addresses, ()))

    with step("Measure polls and current for 60 s in which the device is idle", "a baseline"):
        usual, base = idle_minute(tc, air)
        observe(f"polls {usual:.2f} s apart, {base * 1000:.3f} mA")
    with step("Promise frames in all acknowledgements for 60 s and send none", "it sleeps again"):
        start = air.mark()
        promise(tc.device_short)
        during = amperes(tc, 60)
        remark(f"meanwhile polls {gap(air, start):.2f} s apart, {during * 1000:.3f} mA")
        observe(f"{len(polls(air, start))} polls meanwhile")
    with step("Promise no more", "polls and current as before within 120 s"):
        promise()
        again, after = idle_minute(tc, air)
        should(
            abs(again - usual) <= 0.1 * usual,
            f"polls {usual:.2f} s apart",
            f"polls {again:.2f} s apart",
        )
        should(
            abs(after - base) <= 0.1 * base,
            f"{base * 1000:.3f} mA, 10 percent more or less",
            f"{after * 1000:.3f} mA",
        )


@case(
    "NKEY-01",
    clauses=["5.4.4", "5.4.2.1"],
    pics=["NR-SED", "SEC-TRJ"],
    dut=["sleepy"],
    findings=["F-01", "F-28"],
    deadline=6000,
)
def test_sleepy_device_misses_the_switch_and_recovers(tc, dut_in_service, air):
    """Sleepy device misses the switch and recovers."""
    code_key = install_code.link_key(dut_in_service.install_code)
    with step(
        "The parent acknowledges no poll while the network key is updated and switched; "
        "it comes back with the new key only",
        "Rejoin Request without NWK security",
    ):
        start = air.mark()
        tc.off()
        quiet(tc, 5)
        tc.on()
        key = renew(tc)
        within = 4 * fact("join.max_rejoin_interval")
        heard = air.expect(rejoin_request(False), within=within, since=start)
    with step("The TC sends the network key under the certificate-derived key", "taken"):
        taken = (
            any_frame()
            .where(
                lambda packet: zdp("Device_annce").matches(packet) or packet.aps is not None,
                "with data",
            )
            .where(under(key.key).matches, "under the new network key")
        )
        air.expect(taken, within=60, since=heard.number)
        absent(air, ASSOCIATION, since=start)
        absent(air, INITIATE, since=start)
        bare = any_frame().where(lambda packet: packet.aps_key == code_key, "under the code key")
        absent(air, bare, since=start)
    with step("Key probe", "answered under the same link key"):
        answers_probe(tc)
