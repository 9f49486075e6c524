"""RAND: what a device draws by chance (053474 4.5.4.1), and how likely a false alarm is."""

from statistics import correlation, fmean

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from lab import chance
from lab.cases import case, observe, procedure, remark, step, weakness
from lab.entropy import difference
from lab.golden.drlc import CANCELLED, DRLC, STARTED
from lab.judging import demand
from lab.patterns import any_frame, beacon_request, mac, zcl, zdp
from lab.procedures import PERMIT, fresh, join, quiet, reached
from lab.registers.facts import fact
from lab.units.brokering import ask_as_revision, partner_key_for
from lab.units.exchange import Exchange, terminate
from lab.units.tc import EPOCH
from lab.verdicts import Inconclusive
from zigbee.crypto.mmo import hmac_mmo, mmo_hash
from zigbee.mac import AssociationRequest
from zigbee.zcl import Direction, ZclFrame, general

SAMPLES, AT_LEAST = 1000, 300
BOOTS = {5.0: 100, 0.2: 10, 1.0: 10, 30.0: 10}
#: How far apart in the order of boots two ephemeral keys are compared.
NEIGHBOURS = 8
X_BITS = 163
FORMATIONS, UPDATES, PARTNER_KEYS, KEY_BITS = 10, 4, 200, 128
EVENTS, RANDOMIZE_START, HIGHEST_SHIFT, TOLERANCE = 100, 0x01, 1800, 5
START_RANDOMIZE_MINUTES = 0x0001
JOINS = 60


@pytest.fixture(scope="module")
def gathered():
    """Ephemeral keys of this campaign: no later case may meet one of them again."""
    return []


def ephemeral(tc, exchange):
    """The device's ephemeral public key in one exchange, ended then; None when it gave none."""
    exchange.initiate()
    if tc.air.seek(zcl("InitiateKeyEstablishmentResponse"), within=20) is None:
        return None
    exchange.offer_ephemeral()
    heard = tc.air.seek(zcl("EphemeralDataResponse"), within=30)
    terminate(tc)
    return heard.packet.command.fields["EphemeralDataV"] if heard else None


@procedure
def spread_evenly(outcomes, samples):
    """The statistics of a case, in a step of their own."""
    with step("Test the samples statistically", "as chance has it"):
        verdict = chance.judge(outcomes, samples)
        if verdict.random and verdict.suspicious:
            remark(f"worth a repetition with more samples: {verdict.text}")
        by_chance = verdict.random or not fact("random.no_pattern")
        demand(by_chance, "numbers drawn by chance", verdict.text)


@case(
    "RAND-01",
    clauses=["ZB-4.5.4.1", "C.3.1.2.3.2", "ZB-5.4.5.4.1"],
    pics="SEC-CBKER",
    needs=["radio", "sniffer", "supply"],
    kind="security",
    findings=["F-03", "F-40"],
    deadline=40000,
)
def test_ephemerals_are_unique_and_unbiased(tc, idle_responder, gathered):
    """Ephemeral public keys: uniqueness and bias."""
    with step("Gather ephemerals, each exchange ended by Terminate", "none twice"):
        exchange = Exchange(tc)
        drawn = [ephemeral(tc, exchange) for _ in range(SAMPLES)]
        points = [one for one in drawn if one is not None]
        gathered += points
        if len(points) < AT_LEAST:
            raise Inconclusive(f"{len(points)} ephemeral keys, at least {AT_LEAST} are needed")
        twice = chance.duplicates(points)
        demand(not twice, "no ephemeral key twice", f"{len(points)} keys, {len(twice)} repeated")
    sign = [point[0] & 1 for point in points]
    x = chance.each_bit("x", [point[1:] for point in points], X_BITS)
    remark(f"runs of the compression bit: p {chance.runs('sign', sign).p:.2g}")
    spread_evenly([chance.monobit("compression bit", sign), *x], len(points))


@case(
    "RAND-02",
    clauses=["ZB-4.5.4.1", "LAB-PWR"],
    pics="SEC-CBKER",
    needs=["radio", "sniffer", "supply"],
    kind="security",
    findings=["F-03"],
    deadline=40000,
)
def test_ephemerals_after_power_up(tc, dut, idle_responder, gathered):
    """Ephemerals right after power-up."""
    points = []
    with step(
        "Cut the power for 5 s 100 times, and 0.2, 1 and 30 s ten times each; take the first "
        "ephemeral of each boot",
        "one each time",
    ):
        exchange = Exchange(tc)
        for off, times in BOOTS.items():
            for _ in range(times):
                dut.power_cycle(off)
                quiet(tc, 3)
                points.append(ephemeral(tc, exchange))
        points = [one for one in points if one is not None]
        if len(points) < 0.9 * sum(BOOTS.values()):
            raise Inconclusive(f"{len(points)} of {sum(BOOTS.values())} boots gave a key")
        observe(f"{len(points)} keys")
    with step("Compare them with each other, and with those of RAND-01", "none twice"):
        twice = chance.duplicates([*gathered, *points])
        demand(
            not twice,
            "no ephemeral key twice",
            f"{len(points)} first keys and {len(gathered)} others, {len(twice)} repeated",
        )
    with step(
        "Subtract neighbours in the order of boots, eight apart at most",
        "no difference of d times the base point, d up to 65536",
    ):
        pairs = [
            (one, after)
            for place, one in enumerate(points)
            for after in points[place + 1 : place + 1 + NEIGHBOURS]
        ]
        near = [gap for gap in (difference(*pair) for pair in pairs) if gap is not None]
        unrelated = not near or not fact("random.no_pattern")
        demand(unrelated, "no related keys", f"{len(pairs)} pairs, {len(near)} related")


@procedure
def keys_drawn_by_chance(keys):
    """The judgement of RAND-03 and RAND-04: keys of 16 octets, in the order of their making."""
    with step("Look for a key that came twice", "none"):
        twice = chance.duplicates(keys)
        demand(not twice, "no key twice", f"{len(keys)} keys, {len(twice)} repeated")
    pooled = [bit for key in keys for bit in chance.bits_of(key, KEY_BITS)]
    whole = [chance.monobit("all bits", pooled), chance.runs("all bits", pooled)]
    spread_evenly([*whole, *chance.each_bit("key", keys, KEY_BITS)], len(keys))


@case(
    "RAND-03",
    clauses=["ZB-4.5.4.1", "5.5.1"],
    pics=["NR-ZC", "SEC-NKUPD"],
    needs=["radio", "sniffer", "console", "supply"],
    dut=["tc"],
    kind="security",
    findings=["F-03"],
    deadline=20000,
    facts=["formation.random_network_key"],
)
def test_network_keys_are_random(joiner, dut):
    """Network keys of a trust center: uniqueness and bias."""
    keys = []
    with step("Ten times: cut the power, form a network, and change its key four times", "50 keys"):
        for _ in range(FORMATIONS):
            dut.ensure_powered()
            dut.power_cycle(5)
            join(joiner, dut)
            keys.append(joiner.network_key.key)
            keys += [joiner.update_network_key(dut).key for _ in range(UPDATES)]
        observe(f"{len(keys)} network keys")
    keys_drawn_by_chance(keys)


def brokered(joiner, leaf):
    """The partner key that the device gives when one golden device asks for the other; or None."""
    start = joiner.air.mark()
    ask_as_revision(joiner, leaf)
    heard = joiner.air.seek(partner_key_for(joiner), within=5, since=start)
    joiner.bench.wait(1)
    return heard.packet.aps_command.key if heard else None


def made_from(key):
    """What a lazy trust center would make of a key to get the next one."""
    zero = bytes(16)
    cipher = Cipher(AES(key), ECB()).encryptor()
    return {cipher.update(zero), mmo_hash(key), hmac_mmo(key, b"\0"), hmac_mmo(key, zero)}


@case(
    "RAND-04",
    clauses=["ZB-4.5.4.1", "5.4.7.4"],
    pics="SEC-PLK",
    needs=["radio", "sniffer", "console"],
    dut=["tc"],
    kind="security",
    findings=["F-03", "F-20"],
    deadline=20000,
)
def test_partner_keys_are_random(joiner, dut_in_service):
    """Partner link keys from a broker: uniqueness, bias, and none made from a former one."""
    leaf = joiner.behind()
    leaf.bring_in(dut_in_service)
    with step("Two golden devices ask 200 times for a partner key", "a key each time"):
        given = [brokered(joiner, leaf) for _ in range(PARTNER_KEYS)]
        keys = [key for key in given if key is not None]
        if len(keys) < 0.9 * PARTNER_KEYS:
            raise Inconclusive(f"{len(keys)} keys for {PARTNER_KEYS} requests")
        observe(f"{len(keys)} partner keys")
    with step("Compare each with what can be made of the others", "none is so made"):
        made = set().union(*map(made_from, keys)) & set(keys)
        unrelated = not made or not fact("random.no_pattern")
        demand(unrelated, "no key made from another", f"{len(made)} keys made from another")
    keys_drawn_by_chance(keys)


def constant(name, values):
    """Record the spread of what was gathered; a constant is named so."""
    if len(values) < 2:
        weakness(None, f"{name}: constant", f"{len(values)} samples")
        return
    kinds = len(set(values))
    weakness(
        kinds == 1,
        f"{name}: constant",
        f"{kinds} different of {len(values)}, {min(values)} to {max(values)}, "
        f"mean {fmean(values):.1f}",
    )


def first(frames, value):
    """The first value that is not None of a list of frames, in a list; empty for none."""
    found = (value(one.packet) for one in frames)
    return [one for one in found if one is not None][:1]


@case(
    "RAND-05",
    clauses=["ZB-4.5.4.1", "ZB-3.6.1"],
    pics="LL-PRO",
    needs=["radio", "sniffer", "supply"],
    dut=["joiner"],
    level="report",
    kind="security",
    findings=["F-03"],
    deadline=40000,
)
def test_spread_of_addresses_and_numbers(tc, dut, air):
    """Short addresses, sequence numbers and jitter over many joins."""
    seen = {
        name: []
        for name in (
            "NWK sequence",
            "APS counter",
            "ZCL sequence",
            "short address",
            "jitter of association, ms",
        )
    }
    with step("Record the joins of a factory-new device", "lists"):
        for _ in range(JOINS):
            fresh(tc, dut)
            tc.permit(PERMIT)
            start = air.mark()
            dut.join()
            reached(tc, zdp("Device_annce"), 90, "the device did not join")
            quiet(tc, 20)
            own = air.find(any_frame(), since=start)
            seen["short address"].append(tc.device_short)
            seen["NWK sequence"] += first(own, lambda p: p.nwk and p.nwk.sequence)
            seen["APS counter"] += first(own, lambda p: p.aps and p.aps.counter)
            seen["ZCL sequence"] += first(own, lambda p: p.zcl and p.zcl.sequence)
            asked = air.find(beacon_request(), since=start, dut=False)
            joined = air.find(mac(AssociationRequest), since=start)
            if asked and joined:
                jitter = round(1000 * (joined[0].time - asked[0].time))
                seen["jitter of association, ms"].append(jitter)
        observe(f"{JOINS} joins")
    for name, values in seen.items():
        constant(name, values)


def event(tc, number, device_class):
    """EVENT in a minute for 40 minutes, its start to be randomized; gives the start time."""
    start = tc.utc() + 60
    tc.command(
        DRLC,
        "LoadControlEvent",
        IssuerEventID=number,
        DeviceClass=device_class,
        UtilityEnrollmentGroup=0,
        StartTime=start,
        DurationInMinutes=40,
        CriticalityLevel=3,
        DutyCycle=50,
        EventControl=RANDOMIZE_START,
    )
    return start


def write_client(tc, attribute, value):
    """Write an attribute of the device's DRLC client under the link key."""
    record = general.WriteAttributes([general.AttributeValue(attribute, "uint8", value)])
    frame = ZclFrame(
        cluster_specific=False,
        direction=Direction.TO_CLIENT,
        sequence=tc.node.zcl.next_sequence(),
        payload=record.to_bytes(),
        command=general.WriteAttributes.COMMAND,
    )
    tc.send_zcl(DRLC, frame)
    reached(tc, zcl("WriteAttributesResponse").numbered(frame.sequence), 5, "no write response")


def read_client(tc, attribute):
    """The value of an attribute of the device's DRLC client."""
    sequence = tc.read(DRLC, attribute, direction=Direction.TO_CLIENT)
    heard = tc.air.seek(zcl("ReadAttributesResponse").numbered(sequence), within=5)
    if heard is None:
        raise Inconclusive("the device does not tell its device class")
    return heard.packet.command.fields["records"][0].value


def status(number, kind):
    """Report Event Status of an event."""
    return zcl("ReportEventStatus", IssuerEventID=number, EventStatus=kind)


@case(
    "RAND-06",
    clauses=["D.2.4", "D.2.3.2"],
    pics="DRLC-RANDS",
    dut=["pct", "load_control"],
    findings=["F-03"],
    deadline=300000,
)
def test_load_control_shifts_are_random(tc, dut_in_service, air):
    """Load-control start shifts are random per device."""
    shifts = []
    with step("Cancel all, let StartRandomizeMinutes be 30", "written"):
        tc.command(DRLC, "CancelAllLoadControlEvents", CancelControl=0)
        write_client(tc, START_RANDOMIZE_MINUTES, 30)
        device_class = read_client(tc, 0x0003)
        observe(f"device class {device_class:#06x}")
    with step(
        "Events that begin in a minute with a random shift, each cancelled once it began",
        "started within 1800 s of its start, 5 s tolerance",
    ):
        for number in range(1, EVENTS + 1):
            start = event(tc, number, device_class)
            heard = air.expect(status(number, STARTED), within=60 + HIGHEST_SHIFT + 2 * TOLERANCE)
            shifts.append(EPOCH + heard.time - start)
            tc.command(
                DRLC,
                "CancelLoadControlEvent",
                IssuerEventID=number,
                DeviceClass=device_class,
                UtilityEnrollmentGroup=0,
                CancelControl=0,
                EffectiveTime=0,
            )
            reached(tc, status(number, CANCELLED), 10, "the event was not cancelled")
        low, high = min(shifts), max(shifts)
        within = low >= -TOLERANCE and high <= HIGHEST_SHIFT + TOLERANCE
        demand(within, f"shifts of 0 to {HIGHEST_SHIFT} s", f"shifts of {low:.1f} to {high:.1f} s")
    drift = correlation(range(len(shifts)), shifts) if len(set(shifts)) > 1 else 1.0
    remark(f"correlation of the shifts with their order: {drift:.2f}")
    spread_evenly([chance.uniform_bins("shift", shifts, 0, HIGHEST_SHIFT)], len(shifts))
