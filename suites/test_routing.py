"""JOIN, ROUTE, PRO: several hops, and other channels (053474 3.6.3, 075356 5.8)."""

from lab.cases import case, procedure, step
from lab.judging import demand, in_time
from lab.patterns import any_frame, aps, mac, nwk, zcl, zdp
from lab.procedures import fresh, require
from lab.units.child import adopt, child_of
from lab.units.front import behind_router
from zigbee.aps import TransportKey
from zigbee.mac import AssociationRequest, AssociationResponse
from zigbee.nwk import BROADCAST_ROUTERS, BROADCAST_RX_ON, RouteRecord, RouteRequest, SourceRoute

PERMIT = 180
JOIN_MAX = 60.0
KEY_ESTABLISHMENT_MAX = 3600.0
KEY_ESTABLISHMENT = 0x0800
TRIES, RELAY_MAX = 3, 10.0
ALL_CHANNELS = 0x07FFF800


def key_establishment():
    """The first thing that a device does for key establishment: it looks for it, or begins."""

    def matches(packet):
        asked = packet.zdp is not None and packet.zdp.name == "Match_Desc_req"
        if asked and KEY_ESTABLISHMENT in packet.zdp.fields["InClusterList"]:
            return True
        return packet.command is not None and (
            packet.command.name == "InitiateKeyEstablishmentRequest"
        )

    return any_frame().where(matches, "of key establishment")


@case("JOIN-16", clauses=["5.4.1", "ZB-4.4.4"], pics="SEC-TCLK", dut=["joiner"], deadline=5000)
def test_joining_through_a_router(tc, dut, air):
    """Join through a router, with the Trust Center behind it."""
    with behind_router(tc) as router:
        fresh(tc, dut)
        router.enter()
        start = air.mark()
        with step("Joining is opened for 180 s at the router, the device started", "association"):
            router.permit(PERMIT)
            dut.join()
            to_router = mac(AssociationRequest).where(
                lambda p: p.mac.dst == router.short, "to the router"
            )
            air.expect(to_router, within=JOIN_MAX, since=start)
            air.expect(mac(AssociationResponse), within=5, since=start, dut=False)
        with step("The router hands on the TC's Transport Key without NWK security", "taken"):
            handed = aps(TransportKey).where(
                lambda p: not p.nwk.security and p.mac.src == router.short, "of the router"
            )
            air.expect(handed, within=10, since=start, dut=False)
            joined = zdp("Device_annce").using(tc.network_key.sequence)
            air.expect(joined, within=JOIN_MAX, since=start)
        with step("Observe", "key establishment with 0x0000, not with the router"):
            began = air.expect(key_establishment(), within=KEY_ESTABLISHMENT_MAX, since=start)
            partner = began.packet.nwk.dst
            demand(partner == 0x0000, "towards 0x0000", f"towards {partner:#06x}")


def join_two_hops_away(tc, dut, router):
    """Precondition: the device is authenticated, the TC two hops away."""
    fresh(tc, dut)
    router.enter()
    router.permit(PERMIT)
    tc.enter(dut)
    tc.establish(dut)
    tc.bench.wait(5)
    require(tc.control_read(), "the device does not answer through the golden router")


def send_along(tc, frame, dst, relays):
    """Send an APS frame from the TC along ``relays``, the one nearest to ``dst`` first."""
    route = SourceRoute(len(relays) - 1, list(relays))
    out = tc.node.nwk.frame(frame.to_bytes(), dst, source_route=route)
    tc.do(tc.node.nwk.send_frame, out, next_hop=relays[-1])


def passed_on(tc, air, dst, relays, pattern):
    """What the device passes on of a control read that goes along ``relays``; gives its number too.

    Nobody repeats such a frame end to end, and two radios may speak at once: the TC sends it up to
    three times.
    """
    for left in reversed(range(TRIES)):
        frame, sequence = tc.control_frame()
        start = air.mark()
        send_along(tc, frame, dst, relays)
        if not left or air.seek(pattern, within=RELAY_MAX, since=start, dut=False):
            break
    heard = air.expect(pattern, within=RELAY_MAX, since=start, dut=False)
    same = heard.packet.nwk.payload == frame.to_bytes()
    demand(same, "the APS payload unchanged", "the same octets" if same else "other octets")
    return sequence, start


def relayed(tc, dst, index):
    """A source-routed frame of the TC that the device passes on with this relay index."""
    short = tc.device_short
    return (
        nwk()
        .to(dst)
        .where(
            lambda p: (
                p.mac.src == short
                and p.nwk.src == 0x0000
                and p.nwk.source_route is not None
                and p.nwk.source_route.index == index
            ),
            f"relayed with relay index {index}",
        )
    )


@case(
    "ROUTE-01",
    clauses=["ZB-3"],
    pics="LL-MTO",
    needs=["radio", "second_radio", "sniffer"],
    dut=["router"],
    version=2,
    deadline=5000,
)
def test_many_to_one_and_source_routing(tc, dut, air):
    """A router keeps to many-to-one and source routes."""
    with behind_router(tc) as router:
        join_two_hops_away(tc, dut, router)
        with step(
            "Many-to-one route request of the TC; the device sends data to it",
            "Route Record before the data",
        ):
            request = RouteRequest(1, BROADCAST_ROUTERS, many_to_one=1)
            tc.do(tc.node.nwk.send_command, request, BROADCAST_ROUTERS, radius=30)
            tc.bench.wait(2)
            start = air.mark()
            sequence = tc.read(0x0000, 0x0000, secure=False)
            record = air.expect(nwk(RouteRecord).to(0x0000), within=10, since=start)
            answer = zcl("ReadAttributesResponse").numbered(sequence)
            data = air.expect(answer, within=10, since=start)
            demand(
                record.number < data.number,
                "Route Record before the data",
                f"frames {record.number} and {data.number}",
            )
        with step("The TC sends source-routed to the device", "delivered and answered"):
            frame, sequence = tc.control_frame()
            send_along(tc, frame, tc.device_short, [router.short])
            air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=10)
        with child_of(tc, tc.device_short, router=True) as child:
            adopt(tc, child)
            source_routes_through(tc, air, router, child)


@procedure
def source_routes_through(tc, air, router, child):
    """Source routes of the TC that lead through the device to its child, and beyond."""
    here, beyond = tc.device_short, 0x1234 if child.short != 0x1234 else 0x4321
    with step("Source-routed through the device to its child", "delivered, payload unchanged"):
        to_child = relayed(tc, child.short, 0)
        sequence, start = passed_on(tc, air, child.short, [here, router.short], to_child)
        air.expect(
            zcl("ReadAttributesResponse").numbered(sequence), within=10, since=start, dut=False
        )
    with step("The same to a node behind the child", "relay index stepped from 1 to 0"):
        to_child = relayed(tc, beyond, 0).where(lambda p: p.mac.dst == child.short, "to the child")
        passed_on(tc, air, beyond, [child.short, here, router.short], to_child)


@case("TP/PRO/BV-37", clauses=["5.8", "ZB-2.4"], pics="LL-FA", dut=["router"])
def test_answer_to_mgmt_nwk_update(tc, dut_in_service, air):
    """Mgmt_NWK_Update_req is answered with energy values."""
    with step("Mgmt_NWK_Update_req: all channels, duration 2, count 1", "status 0, 16 values"):
        sequence = tc.ask(
            "Mgmt_NWK_Update_req", ScanChannels=ALL_CHANNELS, ScanDuration=2, ScanCount=1
        )
        heard = air.expect(zdp("Mgmt_NWK_Update_rsp").numbered(sequence), within=15)
        fields = heard.packet.zdp.fields
        demand(fields["Status"] == 0, "status 0x00", f"status {fields['Status']:#04x}")
        scanned = fields["ScannedChannels"].bit_count()
        values = len(fields["EnergyValues"])
        demand(
            scanned == values == 16,
            "16 channels and 16 energy values",
            f"{scanned} channels and {values} values",
        )


def move_to(tc, channel):
    """Let the golden unit and the sniffer go to another channel, at once."""
    tc.bench.call(tc.bench.sniffer.listen(channel), 10.0, "the sniffer to change its channel")
    tc.do(tc.node.mac.tune, channel=channel)


@case("TP/PRO/BV-39", clauses=["5.8"], pics="LL-FA", dut=["router"], version=2)
def test_channel_change_is_followed(tc, dut_in_service, air):
    """A channel change is followed."""
    home = tc.node.mac.channel
    channel = 25 if home != 25 else 20
    update_id = (tc.node.nwk.update_id + 1) & 0xFF
    try:
        with step(
            "Broadcast Mgmt_NWK_Update_req: duration 0xFE, one channel, update id plus 1",
            "the device moves",
        ):
            announced = tc.bench.now()
            tc.ask(
                "Mgmt_NWK_Update_req",
                to=BROADCAST_RX_ON,
                ScanChannels=1 << channel,
                ScanDuration=0xFE,
                NwkUpdateId=update_id,
            )
            tc.bench.wait(10)
            move_to(tc, channel)
            start = air.mark()
        with step("Control read on the new channel", "answered; the beacon has the new update id"):
            answered = False
            while not answered and tc.bench.now() - announced < 84:
                answered = tc.control_read()
            took = tc.bench.now() - announced
            demand(answered, "an answer", "answered" if answered else "no answer in 84 s")
            in_time(took <= 30, "an answer within 30 s of the broadcast", f"after {took:.1f} s")
            again = air.find(mac(AssociationRequest), since=start)
            demand(not again, "no association", f"{len(again)} association requests")
            tc.bench.wait(1)  # a beacon that meets the last acknowledgement is lost
            tc.do(tc.node.mac.request_beacons)
            beacon = air.expect(
                any_frame().where(lambda p: p.beacon is not None, "beacon"), within=5
            ).packet.beacon
            demand(
                beacon.update_id == update_id,
                f"update id {update_id}",
                f"update id {beacon.update_id}",
            )
    finally:
        move_to(tc, home)
