"""FC: frame counters and replay, also over a loss of power (053474 4.3, 4.4.1)."""

from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

from lab.cases import case, observe, remark, should, step, weakness
from lab.judging import answers_probe, demand, ignored, in_service, unanswered
from lab.patterns import nwk, reaction_to, zcl, zdp
from lab.procedures import require
from lab.registers.facts import fact
from zigbee.mac import MacFrame, MacType
from zigbee.nwk import BROADCAST_RX_ON

POWER = ["radio", "sniffer", "supply"]
BOOT = 120.0
REPLAYED = "a broadcast is answered again when it is replayed"


def nwk_counters(air, since=0):
    """NWK frame counters of the device, in the order in which they were heard."""
    return [
        one.packet.nwk.aux.frame_counter
        for one in air.find(nwk(), since=since)
        if one.packet.nwk_opened
    ]


def aps_counters(air, since=0):
    """APS auxiliary counters of the device under link keys."""
    return [
        one.packet.aps.aux.frame_counter
        for one in air.find(nwk(), since=since)
        if one.packet.aps_opened
    ]


@case(
    "FC-01",
    clauses=["ZB-4.3", "LAB-PWR"],
    pics="SEC-FCNV",
    kind="security",
    needs=POWER,
    findings=["F-38"],
    deadline=8000,
)
def test_nwk_counter_over_a_power_cycle(tc, dut_in_service, air):
    """The outgoing NWK counter never goes back over a power cycle."""
    with step("20 times: at least 20 frames, power off for 10 s, first frame after boot", "higher"):
        jumps = []
        for _ in range(20):
            for _ in range(10):
                in_service(tc)
            last = max(nwk_counters(air))
            start = air.mark()
            dut_in_service.power_cycle(10)
            in_service(tc)
            first = nwk_counters(air, start)[0]
            demand(first > last, f"a counter above {last}", f"{first} after {last}")
            jumps.append(first - last)
        remark(f"jumps of {min(jumps)} to {max(jumps)}")


@case(
    "FC-02",
    clauses=["ZB-4.4.1", "LAB-PWR"],
    pics="SEC-FCNV",
    kind="security",
    needs=POWER,
    deadline=8000,
    findings=["F-38"],
)
def test_aps_counter_over_a_power_cycle(tc, dut_in_service, air):
    """The outgoing APS counter never goes back over a power cycle."""
    with step("20 times: key probes, power off for 10 s, key probe", "APS counters only rise"):
        for _ in range(20):
            for _ in range(30):
                answers_probe(tc)
            last = max(aps_counters(air))
            start = air.mark()
            dut_in_service.power_cycle(10)
            answers_probe(tc)
            first = aps_counters(air, start)[0]
            demand(first > last, f"a counter above {last}", f"{first} after {last}")


def replayed(tc, counter):
    """A new control read secured with a NWK counter of one's choice, and what would answer it."""
    frame, sequence = tc.control_frame()
    secured = tc.node.nwk.secured(tc.in_nwk(frame), frame_counter=counter)
    return secured, reaction_to(frame, sequence)


def ask_all(tc, air):
    """Ask by broadcast for the device's short address; gives the frame as sent, and the answer.

    A broadcast that is lost is lost: either may be None.
    """
    start = air.mark()
    sequence = tc.ask(
        "NWK_addr_req", to=BROADCAST_RX_ON, IEEEAddr=tc.device, RequestType=0, StartIndex=0
    )
    answer = air.seek(zdp("NWK_addr_rsp").numbered(sequence), within=10)
    sent = air.find(zdp("NWK_addr_req").numbered(sequence), since=start, dut=False)
    return sent[0].rx.octets if sent else None, answer


@case(
    "FC-04",
    clauses=["ZB-4.3"],
    pics="LL-STDSEC",
    kind="security",
    deadline=10_000,
    findings=["F-38"],
    version=2,
)
def test_replay_of_nwk_frames_is_refused(tc, dut_in_service, air):
    """A replay of NWK frames is refused."""
    in_service(tc)
    with step("New control reads with counters C, C-1 and C-1000", "dropped"):
        for back in (1, 2, 1001):
            in_service(tc)
            tc.bench.wait(1)
            # the control read before the silence uses counters of its own: C is the last of them
            tc.do(tc.node.nwk.counter.set, tc.node.nwk.counter.value + 2000)
            in_service(tc)
            tc.bench.wait(1)
            last = tc.node.nwk.counter.value
            secured, reaction = replayed(tc, last - back)
            unanswered(tc, lambda f=secured: tc.send_nwk(f, secure=False), reaction, during=5)
            in_service(tc)
    with step("A recorded frame again after 1 s and after 1 h", "dropped"):
        tc.bench.wait(1)  # what a parent still holds would overtake the counter of the record
        frame, sequence = tc.control_frame()
        recorded = tc.node.nwk.secured(tc.in_nwk(frame))
        tc.send_nwk(recorded, secure=False)
        air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=3)
        for delay in (1, 3600):
            tc.bench.wait(delay)
            ignored(
                tc,
                lambda: tc.send_nwk(recorded, secure=False),
                reaction_to(frame, sequence),
                during=5,
            )
    with step("Control read with C plus 1", "answered"):
        in_service(tc)
    with step("A recorded broadcast again after 1 h", "recorded"):
        if dut_in_service.claims("NR-SED"):
            observe("a device that sleeps hears no broadcast")
            return
        recorded, answer = ask_all(tc, air)
        if recorded is None or answer is None:
            observe("the broadcast was not answered in the first place")
            weakness(None, REPLAYED, "not told")
            return
        tc.bench.wait(3600)
        in_service(tc)
        start = air.mark()
        tc.send_mac(recorded)
        again = air.seek(zdp("NWK_addr_rsp"), within=10, since=start)
        seen = f"{answer}, and {again or 'no answer'} to the same frame later"
        weakness(again is not None, REPLAYED, seen)


@contextmanager
def no_link_key_from(tc):
    """The golden unit sends nothing by itself under a link key: it would raise the counters."""

    def secured(frame):
        return frame.security

    with (
        tc.tapped("aps", "out", lambda frame: None, match=secured),
        tc.tapped("aps-secured", "out", lambda frame: None, match=secured),
    ):
        yield


@case(
    "FC-05",
    clauses=["ZB-4.3", "LAB-PWR"],
    pics="LL-STDSEC",
    kind="security",
    version=2,
    needs=POWER,
    findings=["F-38"],
    facts=["frame_counter.incoming_kept"],
)
def test_replay_after_reboot(tc, dut_in_service, air):
    """An APS frame recorded before a reboot is refused after it."""
    recorded, sequence = tc.probe_frame()
    tc.send_aps(recorded)
    air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=5)

    def reboot_and_replay():
        with no_link_key_from(tc):
            dut_in_service.power_cycle(5)
            require(tc.control_read(), "the device does not answer after the power cut")
            tc.send_aps(recorded)

    with step(
        "Cut and restore power, then the recorded APS frame in a new NWK frame, the first under "
        "the link key",
        "dropped",
    ):
        ignored(tc, reboot_and_replay, reaction_to(recorded, sequence), during=10)
    with step("Key probe with the next counter", "answered"):
        answers_probe(tc)


@case("FC-09", clauses=["ZB-4.4.1"], pics="SEC-CBKER", kind="security", findings=["F-38"])
def test_repeated_aps_counter_is_refused(tc, dut_in_service, air):
    """A repeated APS counter is refused within a session."""
    answers_probe(tc)
    last = tc.link_key.counter.value - 1
    with step("Key probes with APS counters A, A-1 and 0, all else new", "dropped"):
        for counter in (last, last - 1, 0):
            probe, sequence = tc.probe_frame(frame_counter=counter)
            ignored(tc, lambda p=probe: tc.send_aps(p), reaction_to(probe, sequence), during=5)
    with step("Key probes with A plus 1 and A plus 100000", "answered"):
        for counter in (last + 1, last + 100_000):
            tc.do(tc.link_key.counter.set, counter)
            answers_probe(tc)


@case(
    "FC-10",
    clauses=["ZB-4.3", "ZB-4.4.1"],
    pics="SEC-FCNV",
    needs=["radio", "sniffer"],
    kind="security",
    findings=["F-38"],
)
def test_no_nonce_used_twice(tc, dut_in_service, air):
    """No nonce is used twice in the whole campaign."""
    with step("Have the device secure frames, beside those of the cases before", "1000 frames"):
        while air.secured_by_dut < 1000:
            in_service(tc)
        observe(f"{air.secured_by_dut} secured frames")
    with step("Compare (key, source, counter) of every frame of the campaign", "one payload each"):
        reused = air.reused
        demand(
            not reused,
            "no triple with two payloads",
            f"{len(reused)} triples reused: {reused[:3]}" if reused else "each used once",
        )
        own = nwk_counters(air)
        falls = sum(b < a for a, b in pairwise(own))
        should(not falls, "counters rise in time order", f"{falls} of {len(own)} lower")


@case(
    "FC-03",
    clauses=["ZB-4.3", "LAB-PWR"],
    pics="SEC-FCNV",
    kind="security",
    needs=POWER,
    findings=["F-38"],
    deadline=20000,
)
def test_power_cuts_at_random_points(tc, dut_in_service, air):
    """No counter comes twice, wherever the power is cut."""
    already = len(air.reused)
    with step("3000 frames of the device; 40 power cuts at random points", "no nonce twice"):
        start = air.mark()
        for _ in range(40):
            for _ in range(tc.bench.random.randrange(20, 45)):
                tc.key_probe()
                tc.bench.wait(0.2)
            dut_in_service.power_cycle(5)
            reused = air.reused[already:]
            demand(
                not reused,
                "each (key, source, counter) once",
                f"{reused[0]}" if reused else "each used once",
            )
        while len(own := air.find(nwk(), since=start)) < 3000:
            tc.key_probe()
        observe(f"{len(own)} frames of the device")
    with step("Control read", "answered"):
        in_service(tc)


def act(tc, dut, number):
    """Send a price, an event or a message of this identity under the link key; gives its frame."""
    sent = []

    def note(frame):
        sent.append(frame)
        return frame

    with tc.tapped("aps-secured", "out", note, times=1):
        if dut.claims("PRI-C"):
            sequence = tc.publish(number, number % 1000, PriceControl=1)
        elif dut.claims("DRLC-C"):
            sequence = tc.command(
                0x0701,
                "LoadControlEvent",
                IssuerEventID=number,
                DeviceClass=0xFFFF,
                UtilityEnrollmentGroup=0,
                StartTime=0,
                DurationInMinutes=1,
                CriticalityLevel=3,
                CoolingTemperatureOffset=0xFF,
                HeatingTemperatureOffset=0xFF,
                CoolingTemperatureSetPoint=-0x8000,
                HeatingTemperatureSetPoint=-0x8000,
                AverageLoadAdjustmentPercentage=-128,
                DutyCycle=0xFF,
                EventControl=0,
            )
        else:
            sequence = tc.command(
                0x0703,
                "DisplayMessage",
                MessageID=number,
                MessageControl=0x80,
                StartTime=0,
                DurationInMinutes=1,
                Message=b"test",
            )
    return sent[0], sequence


@case(
    "FC-06",
    clauses=["ZB-4.4.1", "D.2.2.3.1"],
    pics="DRLC-C or PRI-C or MSG-C",
    dut=["pct", "load_control", "ipd"],
    kind="security",
    findings=["F-38", "F-26"],
)
def test_replay_of_a_secured_application_command(tc, dut_in_service, air):
    """A replayed event, price or message is dropped by its APS counter."""
    with step("Send one under the link key, then another that replaces it", "acknowledged"):
        recorded, sequence = act(tc, dut_in_service, 7001)
        air.expect(reaction_to(recorded, sequence), within=5)
        tc.bench.wait(2)
        later, after = act(tc, dut_in_service, 7002)
        air.expect(reaction_to(later, after), within=5)
    acts = reaction_to(recorded, sequence)
    answers = ("PriceAcknowledgement", "ReportEventStatus", "MessageConfirmation")
    reaction = replace(
        acts,
        matches=lambda packet: (
            acts.matches(packet) or (packet.command is not None and packet.command.name in answers)
        ),
    )
    with step("The first again in a new NWK frame, after 1 s, 60 s and 600 s", "dropped"):
        for delay in (1, 60, 600):
            tc.bench.wait(delay)
            ignored(tc, lambda: tc.send_aps(recorded), reaction, during=30)
    with step("The same command with a fresh APS counter", "acknowledged"):
        fresh, number = act(tc, dut_in_service, 7001)
        air.expect(reaction_to(fresh, number), within=5)


@case(
    "FC-07",
    clauses=["ZB-4.3"],
    pics="LL-STDSEC and not NR-SED",  # a device that sleeps has no neighbour but its parent
    kind="robustness",
    findings=["F-38"],
    needs=["radio", "second_radio", "sniffer"],
    version=2,
)
def test_counter_near_its_maximum(tc, dut_in_service, attacker, air):
    """A neighbour's counter does not wrap round."""
    attacker.enter()

    def control(counter):
        frame, sequence = attacker.control_frame()
        secured = attacker.node.nwk.secured(attacker.in_nwk(frame), frame_counter=counter)
        return secured, zcl("ReadAttributesResponse").numbered(sequence)

    with step("Control reads of a neighbour with counters FFFFFFFD and FFFFFFFE", "answered"):
        for counter in (0xFFFFFFFD, 0xFFFFFFFE):
            secured, answer = control(counter)
            attacker.send_nwk(secured, secure=False)
            heard = air.seek(answer, within=5)
            should(heard is not None, "an answer", f"{counter:08X} answered")
            observe(f"{counter:08X} sent")
    with step("With 0 and 1", "dropped"):
        for counter in (0, 1):
            secured, answer = control(counter)
            ignored(tc, lambda s=secured: attacker.send_nwk(s, secure=False), answer, during=5)
    with step("With FFFFFFFF", "dropped"):
        if fact("frame_counter.last_value_refused"):
            secured, answer = control(0xFFFFFFFF)
            ignored(tc, lambda: attacker.send_nwk(secured, secure=False), answer, during=5)
    with step("Control read of the golden unit", "answered"):
        in_service(tc)


@case(
    "FC-08",
    clauses=["ZB-4.3"],
    pics="LL-STDSEC",
    kind="robustness",
    findings=["F-38", "F-39"],
    needs=["radio", "second_radio", "sniffer"],
)
def test_spoofed_high_counter(tc, dut_in_service, attacker, air):
    """Frames without the key cannot lock a neighbour out."""
    attacker.enter(key=False)
    in_service(tc)
    rng = tc.bench.random
    with step("20 frames with the golden unit's addresses, counter FFFFFFF0, no key", "dropped"):
        for number in range(20):
            aux = replace(
                tc.node.nwk.secured(tc.in_nwk(rng.randbytes(20))).aux, frame_counter=0xFFFFFFF0
            )
            forged = replace(tc.in_nwk(rng.randbytes(40)), security=True, aux=aux)
            attacker.send_mac(
                MacFrame(
                    MacType.DATA,
                    (tc.node.mac.sequence + 100 + number) & 0xFF,
                    dst_pan=tc.node.mac.pan,
                    dst=tc.device_short,
                    src=tc.node.mac.short,
                    payload=forged.to_bytes(),
                    ack_request=True,
                    pan_compression=True,
                )
            )
            tc.bench.wait(0.5)
        observe("20 frames sent")
    with step("Control read of the golden unit with its own counter", "answered"):
        in_service(tc)
