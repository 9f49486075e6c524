"""JOIN: when a device looks for a network, what it lets go by, and what it never says (5.5.5.1)."""

from itertools import pairwise
from math import erfc, sqrt

from lab.cases import case, observe, procedure, should, step, weakness
from lab.chance import FALSE_ALARM
from lab.judging import demand, in_time
from lab.patterns import any_frame, aps, zdp
from lab.procedures import PERMIT, fresh, quiet, require
from lab.recovery import ASSOCIATION, INITIATE
from lab.registers.facts import fact
from lab.secrets import times_shown
from zigbee.aps import TransportKey
from zigbee.crypto import install_code
from zigbee.nwk import Leave

JOIN_MAX = 60.0
WELL_KNOWN_KEY = b"ZigBeeAlliance09"
WATCH = 21600


def scan_starts(air, since):
    """When scans began: beacon requests more than 5 s after the one before."""
    times = [one.time for one in air.beacon_requests(since)]
    return [now for before, now in pairwise([-10.0, *times]) if now - before > 5]


@case(
    "JOIN-09",
    clauses=["5.3.3", "5.4.1"],
    pics="SEC-TCLK",
    dut=["joiner"],
    kind="security",
    needs=["radio", "sniffer", "console"],
    findings=["F-12"],
    deadline=7200,
    facts=["security.default_link_key_banned"],
)
def test_no_join_with_the_default_global_link_key(tc, fresh_dut, air):
    """No join with the default global link key."""
    right, start = bytes(tc.link_key.key), air.mark()
    rng = tc.bench.random
    inside = any_frame().where(lambda packet: packet.nwk_opened, "under the network key")

    def offer(key):
        tc.register(fresh_dut.eui64, key)
        began = air.mark()
        tc.permit(PERMIT)
        fresh_dut.join()
        air.expect(aps(TransportKey), within=JOIN_MAX, since=began, dut=False)
        air.never(inside, during=20, since=start)

    with step("Five attempts under the well-known key", "not taken"):
        for _ in range(5):
            offer(WELL_KNOWN_KEY)
    with step("Twelve attempts under wrong, well-known and other devices' code keys", "not taken"):
        for _ in range(12):
            code = install_code.with_crc(rng.randbytes(16))
            offer(rng.choice((WELL_KNOWN_KEY, rng.randbytes(16), install_code.link_key(code))))
    with step("Correct the key", "the device joins"):
        tc.register(fresh_dut.eui64, right)
        air.mark()
        tc.permit(PERMIT)
        fresh_dut.join()
        air.expect(zdp("Device_annce"), within=JOIN_MAX)


@procedure
def hourly_phase(tc, dut, air):
    """A factory-new device that found no network for a quarter of an hour after its boot."""
    with step("Power up with no network open; wait a quarter of an hour", "scans"):
        tc.do(setattr, tc.node.mac, "answers_beacon_requests", False)
        start = air.mark()
        dut.reboot()
        dut.join()
        quiet(tc, fact("join.auto_fast_phase"))
        demand(scan_starts(air, start), "scans", f"{len(scan_starts(air, start))} scans")


@case(
    "JOIN-14",
    clauses=["5.5.5.1"],
    pics="COM-AUTO",
    dut=["joiner"],
    revision="1.1",
    needs=["radio", "sniffer"],
    findings=["F-21"],
    deadline=30000,
)
def test_scan_schedule_of_the_hourly_phase(tc, fresh_dut, air):
    """Auto-join scan schedule, hourly phase."""
    hourly_phase(tc, fresh_dut, air)
    with step("Observe six hours more", "scans 1800 to 5400 s apart, not all alike"):
        start = air.mark()
        quiet(tc, WATCH)
        period, jitter = fact("join.auto_slow_period"), fact("join.auto_slow_jitter")
        starts = scan_starts(air, start)
        gaps = [b - a for a, b in pairwise(starts)]
        text = ", ".join(f"{gap:.0f}" for gap in gaps)
        demand(len(starts) >= 3, "three scans at least", f"{len(starts)} scans")
        demand(
            all(abs(gap - period) <= jitter for gap in gaps[1:]),
            f"gaps of {period - jitter} to {period + jitter} s after the first",
            f"{text} s",
        )
        demand(max(gaps) - min(gaps) > 10, "gaps that differ by more than 10 s", f"{text} s")


@case(
    "JOIN-15",
    clauses=["5.5.5.1"],
    pics=["COM-USER", "COM-AUTO", "BEN-UI"],
    dut=["joiner"],
    revision="1.1",
    needs=["radio", "sniffer", "console"],
    findings=["F-21"],
    deadline=10000,
)
def test_user_action_restarts_fast_scanning(tc, fresh_dut, air):
    """User action restarts fast scanning."""
    hourly_phase(tc, fresh_dut, air)
    quiet(tc, 300)
    with step("Order the device to join", "a beacon request within 20 s, then gaps of 45 to 75 s"):
        start, began = air.mark(), tc.bench.now()
        fresh_dut.join()
        quiet(tc, 330)
        starts = scan_starts(air, start)
        demand(starts, "a beacon request", f"{len(starts)} scans in 330 s")
        delay = starts[0] - began
        in_time(delay <= 20, "a beacon request within 20 s", f"after {delay:.1f} s")
        period, jitter = fact("join.auto_period"), fact("join.auto_jitter")
        gaps = [b - a for a, b in pairwise(starts)][:4]
        text = ", ".join(f"{gap:.1f}" for gap in gaps)
        demand(
            len(gaps) == 4 and all(abs(gap - period) <= jitter for gap in gaps),
            f"four gaps of {period - jitter} to {period + jitter} s",
            f"gaps of {text} s",
        )


@case(
    "JOIN-18",
    clauses=["5.8", "5.3"],
    pics="LL-2DOT4",
    dut=["joiner"],
    level="should",
    version=2,
    needs=["radio", "sniffer"],
)
def test_preferred_channels_come_first(tc, fresh_dut, air):
    """Preferred channels first."""
    home, offsets = tc.channel, {}
    tc.do(setattr, tc.node.mac, "answers_beacon_requests", False)
    try:
        with step("Start a scan with the sniffer on each channel in turn", "one pass of the mask"):
            for channel in range(11, 27):
                tc.bench.call(tc.bench.sniffer.listen(channel), 10.0, "the sniffer")
                start, began = air.mark(), tc.bench.now()
                fresh_dut.join()
                quiet(tc, 90)
                found = air.beacon_requests(start)
                if found:
                    offsets[channel] = found[0].time - began
            observe(f"beacon requests on {len(offsets)} channels")
        with step("Merge the offsets", "preferred channels are not scanned after the others"):
            preferred = fact("channels.preferred")
            order = sorted(offsets, key=offsets.__getitem__)
            require(offsets, "the device scanned no channel")
            last = max((offsets[one] for one in preferred if one in offsets), default=0.0)
            others = [offsets[one] for one in offsets if one not in preferred]
            one_pass = max(offsets.values()) <= 10
            should(
                one_pass or last <= min(others, default=last),
                "preferred channels first",
                "scanned in the order " + ", ".join(map(str, order)),
            )
    finally:
        tc.bench.call(tc.bench.sniffer.listen(home), 10.0, "the sniffer")
        tc.do(setattr, tc.node.mac, "answers_beacon_requests", True)


def refuse(request):
    """Answer an Initiate with Terminate: bad message, wait time 0, suite 1."""
    request.answer(0x03, bytes((0x03, 0x00, 0x01, 0x00)), cluster_specific=True)


@case(
    "JOIN-24",
    clauses=["5.5.5.1"],
    pics="SEC-CBKEI",
    dut=["joiner"],
    revision="1.1",
    findings=["F-39"],
    deadline=10000,
)
def test_ten_failures_then_a_pause(tc, dut, air):
    """Ten failures then a fifteen-minute pause."""
    handlers = tc.endpoint.servers[0x0800].handlers
    genuine, start = handlers[0x00], air.mark()
    handlers[0x00] = refuse
    try:
        with step(
            "Join the device and refuse every Initiate for two hours",
            "never more than ten without a pause of 900 s",
        ):
            fresh(tc, dut)
            tc.enter(dut)
            quiet(tc, 7200)
            most, pause = fact("join.authentication_attempts"), fact("join.authentication_pause")
            asked = air.find(INITIATE, since=start)
            found = {one.packet.aps.counter: one.time for one in reversed(asked)}
            tries = sorted(found.values())
            long = [place for place, (a, b) in enumerate(pairwise(tries)) if b - a >= pause]
            ends = [-1, *long, len(tries) - 1]
            runs = [b - a for a, b in pairwise(ends)]
            demand(tries, "attempts", f"{len(tries)} attempts")
            demand(
                max(runs) <= most,
                f"{most} attempts at most between pauses of {pause} s",
                f"runs of {', '.join(map(str, runs))} attempts",
            )
            should(len(runs) > 1, "a further attempt after the pause", f"{len(runs)} runs")
            left = any_frame().where(lambda p: isinstance(p.nwk_command, Leave), "Leave")
            gone = air.find(left, since=start)
            should(not gone, "the device stays", str(gone[0]) if gone else "no Leave")
    finally:
        handlers[0x00] = genuine


def opened(packet):
    """The octets of a frame, and of its layers as far as they could be opened."""
    layers = [layer.payload for layer in (packet.nwk, packet.aps) if layer is not None]
    return b"".join([packet.octets, *layers])


@case(
    "JOIN-25",
    clauses=["LAB-STORE", "5.4.8.1", "5.4.8"],
    pics="SEC-TCLK",
    level="should",
    version=2,
    kind="security",
    needs=["radio", "sniffer"],
    findings=["F-10", "F-13"],
)
def test_install_code_never_appears(tc, joined_dut, air):
    """Install code never appears in any frame or log."""
    code = joined_dut.install_code
    codes = (code, code[:-2], install_code.link_key(code))
    secrets = [one for secret in codes for one in (secret, secret[::-1])]
    with step("Search all frames, opened, for the install code and its link key", "no match"):
        quiet(tc, 60)
        mine = [one for one in air.since(0) if air.by_dut(one.packet)]
        said = [one for one in mine if any(secret in opened(one.packet) for secret in secrets)]
        should(not said, "no such frame", f"{len(mine)} frames searched, {len(said)} with them")
    with step("Search what the console said", "no match but the echo of what the harness typed"):
        said = echoed = b""
        if tc.bench.console is not None:
            said = tc.bench.received("console")
            echoed = tc.bench.sent("console") if joined_dut.file.console.echo else b""
        found = [one for one in codes if times_shown(one, said) > times_shown(one, echoed)]
        should(
            not found,
            "no secret on the console",
            f"{len(said)} octets searched, {len(found)} of {len(codes)} secrets found",
        )


def monobit(octets):
    """The p-value of the monobit test over some octets (NIST SP 800-22, 2.1)."""
    bits = 8 * len(octets)
    ones = int.from_bytes(octets, "big").bit_count()
    return erfc(abs(2 * ones - bits) / sqrt(2 * bits))


@case(
    "JOIN-26",
    clauses=["5.4.8.1", "5.4.8.1.1"],
    pics="SEC-TCLK",
    dut=["joiner"],
    revision="1.1",
    level="report",
    kind="security",
    needs=["console"],
    findings=["F-10", "F-03"],
)
def test_install_codes_of_a_lot_look_random(dut):
    """Install codes of a lot look random."""
    with step(
        "Check the codes of 20 units or more: CRC, likeness to each other and to the EUI64",
        "recorded",
    ):
        units = dut.lot()
        codes = [code[:-2] for _, code in units]
        right = sum(install_code.with_crc(code[:-2]) == code for _, code in units)
        numbers = sorted(int.from_bytes(code, "big") for code in codes)
        counting = sum(b - a <= 256 for a, b in pairwise(numbers))
        owned = sum(
            eui64.to_be()[4:] in code or eui64.to_le()[:4] in code
            for (eui64, _), code in zip(units, codes, strict=True)
        )
        p = monobit(b"".join(codes))
        patterned = right < len(units) or len(set(codes)) < len(units) or counting or owned
        weakness(
            bool(patterned or p < FALSE_ALARM) or (None if len(units) < 20 else False),
            "the installation codes of a lot do not look random",
            f"{len(units)} units, CRC right on {right}, {len(set(codes))} different codes, "
            f"{counting} next to another, {owned} with octets of the EUI64, monobit p {p:.3f}",
        )


@case(
    "JOIN-27",
    clauses=["5.5.5", "5.5.3"],
    pics="COM-USER",
    dut=["joiner"],
    revision="1.0",
    level="report",
    kind="security",
    findings=["F-21"],
)
def test_a_device_of_1_0_does_not_join_by_itself(tc, fresh_dut, air):
    """A 1.0 device does not join by itself."""
    with step("Power up without user action, 30 min, with the network open", "recorded"):
        start = air.mark()
        tc.permit(1800)
        fresh_dut.reboot()
        quiet(tc, 1800)
        found = air.find(ASSOCIATION, since=start)
        seen = f"{len(found)} association requests in 30 min"
        weakness(bool(found), "it joins without a user action", seen)
