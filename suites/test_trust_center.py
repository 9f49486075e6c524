"""TCP, REG, JOIN: a trust center lets in who is registered, for as long as it was told (5.4)."""

from drivers.console import ActionRefused
from lab.cases import case, observe, procedure, remark, should, step, weakness
from lab.judging import demand, holds, ignored, in_service, in_time
from lab.patterns import any_frame, aps, beacon, mac, nwk, reaction_to, zcl, zdp
from lab.procedures import PERMIT, descriptors, join, require
from lab.registers.facts import fact
from lab.transport import control_of, key_of, network_keys_for, opens
from zigbee.aps import RemoveDevice
from zigbee.crypto.mmo import mmo_hash
from zigbee.mac import AssociationResponse
from zigbee.nwk import Leave

WELL_KNOWN_KEY = b"ZigBeeAlliance09"
UNDER_KEY_TRANSPORT = 0x30
PRICE = 0x0700
LENGTHS = (6, 8, 12, 16)


def open_joining(dut, seconds=int(PERMIT)):
    """Order joining open."""
    dut.do("permit_join", seconds=seconds)


def refused(dut, eui64, entry):
    """Whether the console refuses an install code with its CRC for a device."""
    try:
        dut.do("register", eui64=str(eui64), code=entry.hex())
    except ActionRefused:
        return True
    return False


def state_of(dut, eui64):
    """The state in which the console lists a device; None when it does not."""
    for line in (dut.do("devices")["list"] or "").splitlines():
        words = line.split()
        if words[:2] == ["device:", str(eui64)]:
            return words[2]
    return None


def permits(air, since):
    """The association permit bit in each beacon of the device, with its time."""
    return [
        (one.time, one.packet.beacon.association_permit)
        for one in air.since(since)
        if one.packet.beacon is not None and air.by_dut(one.packet)
    ]


def nothing_for(air, one, since):
    """Demand that the device sent no network key to ``one`` that the harness could open."""
    sent = network_keys_for(air, one.eui64, since)
    demand(not sent, "no Transport Key to it", f"{len(sent)} Transport Keys to {one.eui64}")


@case(
    "JOIN-05",
    clauses=["5.4.1", "5.4.8.1.1", "5.4.8.2.2"],
    pics="SEC-ICTC",
    dut=["tc"],
    needs=["radio", "sniffer", "console"],
    findings=["F-11"],
)
def test_trust_center_takes_codes_of_all_lengths(joiner, fresh_dut, air):
    """The trust center takes install codes of all four lengths."""
    devices = [joiner.another(code_length=length) for length in LENGTHS]
    with step("Enter EUI64 and code with CRC of each joiner", "each accepted"):
        for one in devices:
            one.register(fresh_dut)
        remark("listed: " + ", ".join(str(state_of(fresh_dut, one.eui64)) for one in devices))
    sent = []
    with step("Open joining for 180 s; each joiner associates", "Transport Key within 60 s"):
        open_joining(fresh_dut)
        for one in devices:
            start = air.mark()
            one.try_to_join(60)
            found = network_keys_for(air, one.eui64, start)
            demand(found, "a Transport Key for this joiner", f"{len(found)} for {one.eui64}")
            sent.append(found[0])
    with step("Decrypt each Transport Key under each code's key", "opens under its own only"):
        for heard, owner in zip(sent, devices, strict=True):
            control = control_of(heard)
            demand(control == UNDER_KEY_TRANSPORT, "security control 0x30", f"control {control}")
            fitting = [one for one in devices if opens(heard, one.code_key)]
            demand(fitting == [owner], "its own key only", f"{len(fitting)} keys open it")
        same = {(key_of(one).key, key_of(one).sequence) for one in sent}
        demand(len(same) == 1, "one network key and sequence", f"{len(same)} network keys")


def malformed(code):
    """Five wrong forms of an install code with its CRC; four if its CRC octets are the same."""
    flipped = bytes([code[0] ^ 0x10]) + code[1:]
    crc = code[:-1] + bytes([code[-1] ^ 0x01])
    swapped = code[:-2] + code[:-3:-1]
    forms = (flipped, crc, swapped, code[:-1], code + b"\x5a")
    return [one for one in forms if one != code]


@case(
    "JOIN-06",
    clauses=["5.4.8.1.1.1", "5.4.1"],
    pics="SEC-ICTC",
    dut=["tc"],
    kind="negative",
    needs=["radio", "sniffer", "console"],
    findings=["F-10"],
    facts=["install_code.crc_checked"],
    version=2,
)
def test_trust_center_refuses_bad_codes(joiner, fresh_dut, air):
    """The trust center refuses install codes with a bad CRC or length."""
    devices = [joiner.another(code_length=length) for length in LENGTHS]
    with step("Enter five wrong forms of each joiner's code", "an error for each"):
        for one in devices:
            taken = [
                bad.hex() for bad in malformed(one.code) if not refused(fresh_dut, one.eui64, bad)
            ]
            demand(not taken, "an error for each entry", f"accepted: {', '.join(taken) or 'none'}")
    with step("Open joining for 180 s; each refused joiner associates", "no Transport Key"):
        start = air.mark()
        open_joining(fresh_dut)
        for one in devices:
            for bad in malformed(one.code):
                pair = (one.eui64, air.dut_eui64)
                air.keys.add_link(mmo_hash(bad), "malformed", pair)
            one.try_to_join(20)
        joiner.bench.wait(60)
        for one in devices:
            nothing_for(air, one, start)
    with step("Enter the right code for one of them, and join it", "it joins"):
        devices[0].register(fresh_dut)
        open_joining(fresh_dut)
        holds(devices[0].try_to_join(), "the joiner gets in", "it joined")


@case(
    "REG-01",
    clauses=["5.4.1.1", "5.4.2.2"],
    pics="SEC-ICTC",
    dut=["tc"],
    kind="security",
    findings=["F-11", "F-29"],
)
def test_unregistered_device_is_refused(joiner, fresh_dut, air):
    """An unregistered device is refused."""
    stranger = joiner.another()
    for key in (stranger.code_key, WELL_KNOWN_KEY, bytes(16)):
        air.keys.add_link(key, "stranger's", (stranger.eui64, air.dut_eui64))
    with step("A joiner that was never entered associates three times", "no network key for it"):
        start = air.mark()
        open_joining(fresh_dut)
        for _ in range(3):
            joined = stranger.try_to_join(40)
            demand(not joined, "it stays out", "it got in" if joined else "it stayed out")
        nothing_for(air, stranger, start)
        removal = air.find(aps(RemoveDevice), since=start) or air.find(nwk(Leave), since=start)
        remark("the stranger is told to go" if removal else "the stranger is met with silence")
    with step("A registered joiner then joins", "it gets in"):
        open_joining(fresh_dut)
        holds(joiner.try_to_join(), "the registered joiner gets in", "it joined")


@case(
    "REG-02",
    clauses=["5.4.1.1", "5.4.8.2.1"],
    pics="SEC-ICTC",
    dut=["tc"],
    level="report",
    needs=["radio", "sniffer", "console"],
    findings=["F-29"],
)
def test_registration_status_follows_the_life_cycle(joiner, fresh_dut, air):
    """The registration status follows the life cycle."""
    seen = []
    with step("Provision, join, authenticate and leave; read the list after each", "four states"):
        seen.append((joiner.bench.now(), state_of(fresh_dut, joiner.eui64)))
        for act in (lambda: joiner.enter(fresh_dut), joiner.establish, joiner.leave_indication):
            act()
            joiner.bench.wait(2)
            seen.append((joiner.bench.now(), state_of(fresh_dut, joiner.eui64)))
        text = ", ".join(f"{state} at {when:.0f} s" for when, state in seen)
        states = {state for _, state in seen}
        weakness(len(states) < 4, "the list does not tell four states of a device apart", text)


@case("TCP-01", clauses=["5.2.1", "6.3.1"], pics=["NR-ZC", "DT-ESI"], dut=["tc"], findings=["F-14"])
def test_trust_center_coordinator_and_esi_are_one(joiner, joined_dut, air):
    """Trust center and coordinator are one node, and an ESI."""
    with step("Ask 0x0000 for its node and simple descriptors", "coordinator, profile 0x0109"):
        sequence = joiner.ask("Node_Desc_req", NWKAddrOfInterest=0x0000)
        heard = air.expect(zdp("Node_Desc_rsp").numbered(sequence), within=10)
        descriptor = heard.packet.zdp.fields["NodeDescriptor"]
        kind = descriptor["LogicalType"] & 0x07
        demand(kind == 0, "logical type 0", f"logical type {kind}")
        mask = descriptor["ServerMask"]
        should(mask & 0x0001, "server mask with bit 0", f"server mask {mask:#06x}")
        esi = [
            one
            for one in descriptors(joiner)
            if one["ProfileID"] == 0x0109 and one["DeviceID"] == 0x0500
        ]
        demand(esi, "an endpoint 0x0109/0x0500", f"{len(esi)} endpoints 0x0109/0x0500")
    with step("Compare with Transport Key and beacon", "the same node"):
        sent = network_keys_for(air, joiner.eui64)
        require(sent, "a Transport Key was seen")
        source = key_of(sent[-1]).source
        demand(source == air.dut_eui64, f"source {air.dut_eui64}", f"source {source}")
        beacons = [one.packet.beacon for one in air.find(beacon(), since=0)]
        demand(
            beacons and all(one.pan_coordinator for one in beacons),
            "the PAN coordinator bit",
            f"{len(beacons)} beacons of a PAN coordinator",
        )


def trivial(key, device):
    """Whether a network key is one that anybody could guess."""
    known = (bytes(16), b"\xff" * 16, WELL_KNOWN_KEY, WELL_KNOWN_KEY[::-1])
    return key in known or device.to_le() in key or device.to_be() in key


def alike(one, other):
    """How many leading or trailing bits two keys share."""
    different = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    trailing = (different & -different).bit_length() - 1 if different else 128
    return max(128 - different.bit_length(), trailing)


@case(
    "TCP-02",
    clauses=["5.5.1", "ZB-4.5.4.1"],
    pics="NR-ZC",
    dut=["tc"],
    kind="security",
    needs=["radio", "sniffer", "console"],
    findings=["F-03", "F-14"],
    facts=["formation.random_network_key"],
)
def test_fresh_network_key_at_each_formation(joiner, dut, air):
    """A fresh random network key at each formation."""
    keys = []
    with step("Reset, form and join twenty times", "a new network key each time"):
        for _ in range(20):
            join(joiner, dut)
            keys.append(joiner.network_key.key)
            holds(not trivial(keys[-1], air.dut_eui64), "no key that can be guessed", "none such")
            holds(keys[-1] != joiner.code_key, "not a link key", "not a link key")
    with step("Compare the keys", "none twice, none alike"):
        demand(len(set(keys)) == 20, "20 different keys", f"{len(set(keys))} different keys")
        most = max(alike(a, b) for at, a in enumerate(keys) for b in keys[at + 1 :])
        demand(most <= 40, "at most 40 bits in common at either end", f"at most {most} bits")


@procedure
def window(joiner, dut, air, seconds):
    """The body of TCP-03 for one ordered time; beacon requests every 2 s."""
    start = air.mark()
    with step("Order joining open; send a beacon request every 2 s", "association permit 1"):
        opened = joiner.bench.now()
        open_joining(dut, seconds)
        while joiner.bench.now() < opened + seconds + 35:
            joiner.do(joiner.node.mac.request_beacons)
            joiner.bench.wait(2.0)
        shown = permits(air, start)
        holds(any(permit for _, permit in shown), "association permit 1", "joining was open")
    with step("Wait for the end of the ordered time", "association permit 0 at most 5 s late"):
        holds(not shown[-1][1], "association permit 0 at the end", "joining is closed")
        late = [when for when, permit in shown if permit and when > opened + seconds + 5]
        in_time(not late, "association permit 0", f"{len(late)} beacons with permit 1 after it")
        told = [
            one.packet.zdp.fields["PermitDuration"]
            for one in air.find(zdp("Mgmt_Permit_Joining_req"), since=start)
        ]
        demand(0xFF not in told, "no duration 0xFF", f"durations {told}")
    with step("An unregistered joiner associates", "no status 0x00"):
        stranger, since = joiner.another(), air.mark()
        stranger.try_to_join(6)
        granted = [
            one
            for one in air.find(mac(AssociationResponse), since=since)
            if one.packet.mac_command.status == 0
        ]
        demand(not granted, "no association with status 0", f"{len(granted)} associations")


@case(
    "TCP-03",
    clauses=["5.4.1", "5.4.1.2"],
    pics="COM-PJ",
    dut=["tc"],
    kind="security",
    needs=["radio", "sniffer", "console"],
    findings=["F-21"],
    version=2,
    deadline=8000,
)
def test_permit_join_is_never_endless(joiner, joined_dut, air):
    """Permit join is never endless."""
    open_joining(joined_dut, 0)
    for seconds in (60, 254, 255, 300, 3600):
        window(joiner, joined_dut, air, seconds)


@case(
    "TCP-04",
    clauses=["5.4.1.2"],
    pics="COM-PJ",
    dut=["tc"],
    level="should",
    revision="1.1",
    needs=["radio", "sniffer", "console"],
    findings=["F-21"],
)
def test_permit_join_is_repeated(joiner, joined_dut, air):
    """Permit join is repeated during a long window."""
    with step("Order joining for 600 s; a router announces itself at 100 s", "repeated broadcasts"):
        start, opened = air.mark(), joiner.bench.now()
        open_joining(joined_dut, 600)
        while joiner.bench.now() < opened + 590:
            joiner.do(joiner.node.mac.request_beacons)
            before = joiner.bench.now() - opened
            if before < 100 <= before + 2:
                joiner.do(joiner.node.zdo.announce)
            joiner.bench.wait(2.0)
        sent = [
            (one.time - opened, one.packet.zdp.fields["PermitDuration"])
            for one in air.find(zdp("Mgmt_Permit_Joining_req"), since=start)
        ]
        observe(f"broadcasts (time, duration): {[(round(at), span) for at, span in sent]}")
        closed = [when for when, permit in permits(air, start) if not permit]
        should(not closed, "open without a gap for 600 s", f"{len(closed)} beacons say closed")
        most = fact("registration.permit_join_duration_max")
        beyond = [round(at + span - 600) for at, span in sent if span > min(most, 601 - at)]
        should(
            sent and not beyond,
            "durations of at most the time that remains",
            f"{len(sent)} broadcasts, of which beyond the end, by s: {beyond or 'none'}",
        )
        end = max((at + span for at, span in sent), default=0)
        should(end >= 590, "repeated before it runs out", f"the last runs out at {end:.0f} s")
        extra = [at for at, _ in sent if 95 < at < 110]
        remark("announcement answered by a broadcast" if extra else "no broadcast on announcement")


@case(
    "TCP-05",
    clauses=["5.4.7.1", "5.5.5.5"],
    pics="NR-ZC",
    dut=["tc"],
    level="should",
    kind="security",
    findings=["F-12"],
    deadline=6000,
)
def test_joiner_that_never_authenticates(joiner, joined_dut, air):
    """A joiner that never authenticates is dealt with."""
    with step("Join, and never start key establishment", "tolerated for 1200 s, then put out"):
        start, since = air.mark(), joiner.bench.now()
        joiner.bench.wait(1200)
        away = aps(RemoveDevice), nwk(Leave)
        early = [one for pattern in away for one in air.find(pattern, since=start)]
        should(not early, "no removal in 1200 s", str(early[0]) if early else "no removal")
        joiner.bench.wait(2500)
        found = [one for pattern in away for one in air.find(pattern, since=start)]
        listed = state_of(joined_dut, joiner.eui64) if joined_dut.offers("devices") else None
        observe(f"removed after {found[0].time - since:.0f} s" if found else f"listed as {listed}")
        should(
            found or listed not in (None, "authenticated"),
            "removed, or listed as not authenticated",
            str(found[0]) if found else f"listed as {listed}",
        )


@case(
    "TCP-06",
    clauses=["5.4.7.2", "5.4.6"],
    pics="NR-ZC",
    dut=["tc"],
    kind="security",
    findings=["F-12", "F-26"],
)
def test_data_under_the_code_key_is_dropped(joiner, joined_dut, air):
    """The trust center drops APS data under the install-code key."""
    with step("Three reads of Price under the install-code key", "no ack, no answer"):
        for _ in range(3):
            frame = joiner.read_frame(0x0000)
            plain = joiner.aps_data(frame.to_bytes(), PRICE)
            sealed = joiner.node.aps.secured(plain, joiner.link_key)
            ignored(
                joiner,
                lambda s=sealed: joiner.send_aps(s),
                reaction_to(sealed, frame.sequence),
                during=10,
            )
    with step("The same read with NWK security only", "no attribute value"):
        sequence = joiner.read(PRICE, 0x0000, secure=False)
        air.never(zcl("ReadAttributesResponse").numbered(sequence), during=10)
        refusal = air.find(any_frame().numbered(sequence))
        remark("answered by a Default Response" if refusal else "answered by silence")
    with step("Control read", "answered"):
        in_service(joiner)
