"""REJ, LEAVE: whom a trust center takes back, and under which key (075356 5.4.2.2, 5.4.3)."""

from lab.cases import case, observe, procedure, should, step, weakness
from lab.judging import demand, holds, ignored
from lab.patterns import aps, reaction_to
from lab.transport import carried, network_keys_for, opens
from zigbee.aps import TransportKey
from zigbee.security import KeyId

WELL_KNOWN_KEY = b"ZigBeeAlliance09"
PRICE = 0x0700
STRANGER = 0x6A7B
REJOINED = 0x03


def order(dut, seconds):
    """Order joining open for a time; 0 closes it."""
    dut.do("permit_join", seconds=seconds)


@procedure
def registered_rejoins(joiner, air):
    """The control: a registered device rejoins without NWK security, and gets the key."""
    with step("A registered device rejoins without NWK security", "Transport Key under its key"):
        start = air.mark()
        joiner.rejoin_request(secure=False)
        air.expect(aps(TransportKey), within=30, since=start)
        sent = network_keys_for(air, joiner.eui64, start)
        fits = [one for one in sent if opens(one, joiner.link_key.key)]
        demand(fits, "a Transport Key under its link key", f"{len(fits)} under its link key")


def stranger_to(joiner, air, *keys):
    """A device that the trust center does not know, holding ``keys``, on its channel."""
    stranger = joiner.another()
    for key in keys or (stranger.code_key, WELL_KNOWN_KEY, bytes(16)):
        air.keys.add_link(key, "stranger's", (stranger.eui64, air.dut_eui64))
    return stranger


@procedure
def stays_out(joiner, stranger, air):
    """A stranger rejoins directly, and through a golden router; it gets no network key."""
    with step("It sends a Rejoin Request without NWK security", "no network key in 30 s"):
        start = air.mark()
        stranger.appear(joiner, STRANGER)
        stranger.rejoin_request(secure=False)
        joiner.bench.wait(30)
        given = network_keys_for(air, stranger.eui64, start)
        demand(not given, "no Transport Key to it", f"{len(given)} Transport Keys")
    with step("The golden router reports its rejoin, Update Device 0x03", "no network key in 30 s"):
        start = air.mark()
        joiner.update_device(stranger.eui64, STRANGER, REJOINED)
        joiner.bench.wait(30)
        given = network_keys_for(air, stranger.eui64, start)
        demand(not given, "no Transport Key for it", f"{len(given)} Transport Keys")


@case(
    "REJ-04",
    clauses=["5.4.2.2"],
    pics="SEC-TRJ",
    dut=["tc"],
    kind="security",
    findings=["F-28", "F-29"],
)
def test_rejoin_of_an_unregistered_device(joiner, dut_in_service, air):
    """A Trust Center rejoin of an unregistered EUI64 brings no key."""
    registered_rejoins(joiner, air)
    for seconds in (0, 180):
        order(dut_in_service, seconds)
        stays_out(joiner, stranger_to(joiner, air), air)
    order(dut_in_service, 0)
    registered_rejoins(joiner, air)


@case(
    "TP/R21/BV-07",
    clauses=["5.4.2.2", "ZB-4.6.3"],
    pics=["NR-R21", "SEC-TRJ"],
    dut=["tc"],
    kind="security",
    findings=["F-12", "F-28"],
)
def test_rejoin_under_a_well_known_key(joiner, dut_in_service, air):
    """A trust center rejects a rejoin under a well-known link key."""
    order(dut_in_service, 0)
    stays_out(joiner, stranger_to(joiner, air, WELL_KNOWN_KEY), air)
    registered_rejoins(joiner, air)


@case(
    "REJ-12",
    clauses=["5.4.2.2", "5.4.7.2"],
    pics=["SEC-TRJ", "NR-ZC"],
    dut=["tc"],
    kind="security",
    findings=["F-28", "F-12"],
)
def test_rejoin_under_the_current_link_key_only(joiner, dut_in_service, air):
    """The trust center answers a rejoin under the current link key only."""
    other = joiner.another()
    other.register(dut_in_service)
    other.enter(dut_in_service)
    order(dut_in_service, 0)
    with step("D, authenticated, rejoins without NWK security", "Transport Key under K1"):
        start = air.mark()
        joiner.rejoin_request(secure=False)
        air.expect(aps(TransportKey), within=30, since=start)
        sent = network_keys_for(air, joiner.eui64, start)
        demand(sent, "a Transport Key", f"{len(sent)} Transport Keys")
        sealed = carried(sent[-1])
        holds(
            sealed.aux is not None and sealed.aux.key_id == KeyId.KEY_TRANSPORT,
            "under a key-transport key",
            "under a key-transport key",
        )
        code = opens(sent[-1], joiner.code_key)
        demand(
            opens(sent[-1], joiner.link_key.key) and not code,
            "opens under K1 alone",
            "opens under the code key" if code else "opens under K1",
        )
    with step("E, which never authenticated, does the same", "recorded"):
        start = air.mark()
        other.rejoin_request(secure=False)
        joiner.bench.wait(30)
        sent = network_keys_for(air, other.eui64, start)
        others = [one for one in sent if not opens(one, other.code_key)]
        seen = f"{len(sent)} Transport Keys to it, {len(others)} under another key than its own"
        weakness(bool(others), "the network key is sent under a key that others know", seen)


@case("LEAVE-04", clauses=["5.4.3"], pics="NR-ZC", dut=["tc"], level="should", findings=["F-27"])
def test_key_of_a_device_that_left_is_kept(joiner, dut_in_service, air):
    """The trust center keeps the key of a device that left."""
    order(dut_in_service, 0)
    with step("D leaves, and rejoins secured, then unsecured", "under K1, or refused"):
        start = air.mark()
        joiner.leave_indication()
        joiner.bench.wait(10)
        for secure in (True, False):
            joiner.rejoin_request(secure=secure)
            joiner.bench.wait(30)
        sent = network_keys_for(air, joiner.eui64, start)
        coded = [one for one in sent if opens(one, joiner.code_key)]
        seen = f"{len(coded)} of {len(sent)} under the code key"
        should(not coded, "no Transport Key under the code key", seen)
        seen = f"{len(sent)} Transport Keys to it"
        weakness(bool(sent), "a device that left is let in again under its old key", seen)
    with step("D sends data under its code key", "no ack, no answer"):
        frame = joiner.read_frame(0x0000)
        plain = joiner.aps_data(frame.to_bytes(), PRICE)
        sealed = joiner.node.aps.secured(plain, joiner.code_key, frame_counter=0x1000)
        ignored(
            joiner, lambda: joiner.send_aps(sealed), reaction_to(sealed, frame.sequence), during=10
        )
        observe("nothing was answered under the code key")
