"""REJ: how a device gets back that lost its network, or the network key (075356 5.4.2, 5.5.5.4)."""

from contextlib import contextmanager
from itertools import pairwise

from lab.cases import case, observe, procedure, remark, should, step
from lab.judging import absent, answers_probe, demand, in_service
from lab.patterns import any_frame, aps
from lab.procedures import quiet
from lab.recovery import (
    ASSOCIATION,
    INITIATE,
    away,
    back_in_service,
    rejoin_request,
    renew,
    under,
    until,
)
from lab.registers.facts import fact
from lab.units.neighbours import neighbour, sending_instead
from zigbee import zdp as messages
from zigbee.aps import TransportKey
from zigbee.crypto import install_code
from zigbee.mac import MacType
from zigbee.nwk import NetworkReport, NetworkUpdate, NwkType, RejoinRequest
from zigbee.security import KeyId

SECOND = ["radio", "second_radio", "sniffer"]
POWER = ["radio", "sniffer", "supply"]
WELL_KNOWN_KEY = b"ZigBeeAlliance09"


@case(
    "REJ-01",
    clauses=["5.4.2.1", "5.5.5.4", "5.4.2"],
    pics="SEC-SRJ",
    dut=["joiner"],
    needs=SECOND,
    findings=["F-28"],
    version=2,
    facts=["rejoin.secured_first"],
)
def test_secured_rejoin_after_losing_the_parent(tc, dut_in_service, air):
    """Secured rejoin after losing the parent."""
    start = air.mark()
    with neighbour(tc) as router, away(tc):
        with step(
            "The golden parent goes off the air; another router of the network is there",
            "Rejoin Request with NWK security",
        ):
            router.settle([tc.network_key], beacons=True)
            within = fact("join.max_rejoin_interval")
            heard = air.expect(rejoin_request(True), within=within, since=start)
        with step("It takes the device back", "Device_annce or data, nothing of a new join"):
            back = any_frame().where(
                lambda packet: packet.nwk_opened and packet.aps is not None,
                "with data under the network key",
            )
            air.expect(back, within=30, since=heard.number)
            quiet(tc, 60)
            absent(air, ASSOCIATION, since=start)
            absent(air, INITIATE, since=start)
        with step("The trust center comes back; key probe", "answered under the same link key"):
            router.off()
            tc.on()
            back_in_service(tc, 900)


@procedure
def keyless(tc, dut):
    """Have the device miss a change of the network key: it is off meanwhile."""
    with step("Switch the device off, update the network key, switch it on"):
        dut.power_off()
        key = renew(tc)
        quiet(tc, 5)
        start = tc.air.mark()
        dut.power_on()
    return key, start


@case(
    "REJ-02",
    clauses=["5.4.2.1", "ZB-4.6.3"],
    pics="SEC-TRJ",
    dut=["joiner"],
    needs=POWER,
    findings=["F-28"],
)
def test_trust_center_rejoin_when_the_network_key_is_unknown(tc, dut_in_service, air):
    """Trust Center rejoin when the network key is unknown."""
    key, start = keyless(tc, dut_in_service)
    with step("Watch the device", "Rejoin Request without NWK security"):
        within = 2 * fact("join.max_rejoin_interval")
        heard = air.expect(rejoin_request(False), within=within, since=start)
        tried = [
            one for one in air.find(rejoin_request(True), since=start) if one.number < heard.number
        ]
        remark(f"{len(tried)} secured Rejoin Requests before it")
    with step("The TC sends the network key under the key-transport key of K1", "taken"):
        air.expect(under(key.key), within=60, since=heard.number)
        absent(air, ASSOCIATION, since=start)
    with step("Key probe under K1", "answered"):
        in_service(tc)
        answers_probe(tc)


def offers(tc, device, code_key):
    """Ways to send a network key wrong, each with a key of its own."""

    def offer(link_key, key_id):
        active = tc.network_key
        key = tc.new_network_key(active.sequence)
        command = tc.coordinator.transport_key(key, device)
        return key.key, lambda short: tc.node.aps.send_command(
            command, short, link_key=link_key, key_id=key_id or KeyId.DATA, nwk_secure=False
        )

    return [
        offer(code_key, KeyId.KEY_TRANSPORT),
        offer(WELL_KNOWN_KEY, KeyId.KEY_TRANSPORT),
        offer(None, None),
    ]


@case(
    "REJ-03",
    clauses=["5.4.2.1", "ZB-4.4.3"],
    pics="SEC-TRJ",
    dut=["joiner"],
    kind="security",
    needs=POWER,
    findings=["F-12", "F-28"],
    deadline=12000,
    facts=["rejoin.key_under_current_link_key_only"],
)
def test_rejoin_key_under_a_wrong_link_key(tc, dut_in_service, air):
    """Trust Center rejoin key under the wrong link key refused."""
    device = dut_in_service.eui64
    wrong = offers(tc, device, install_code.link_key(dut_in_service.install_code))
    left, genuine = list(wrong), tc.coordinator.send_network_key

    def send(who):
        if left:
            left.pop(0)[1](tc.node.nwk.short_of(who))
        else:
            genuine(who)

    key, start = keyless(tc, dut_in_service)
    with sending_instead(tc.coordinator, send):
        with step(
            "Transport Key under code key, well-known key, and without APS security; then K1",
            "the last one alone is taken",
        ):
            air.expect(under(key.key), within=8 * fact("join.max_rejoin_interval"), since=start)
            demand(not left, "three wrong offers before", f"{3 - len(left)} wrong offers before")
            for offered, _ in wrong:
                absent(air, under(offered), since=start)
            sent = air.find(aps(TransportKey), since=start, dut=False)
            observe(f"taken at Transport Key number {len(wrong) + 1} of {len(sent)}")
        with step("Key probe under K1", "answered"):
            answers_probe(tc)


def rounds(air, since):
    """When rounds of recovery began: a request more than 300 s after a start begins the next."""
    starts = []
    for one in air.beacon_requests(since):
        if not starts or one.time - starts[-1] > 300:
            starts.append(one.time)
    return starts


@case(
    "REJ-06",
    clauses=["5.5.5.4"],
    pics="COM-RR",
    dut=["joiner"],
    revision="1.1",
    findings=["F-39"],
    deadline=60000,
    version=2,
)
def test_recovery_backs_off(tc, dut_in_service, air):
    """Recovery back-off."""
    with away(tc):
        with step("Switch the golden network off for 12 hours", "rounds, hourly with jitter"):
            start = air.mark()
            quiet(tc, 43200)
            starts = rounds(air, start)
            demand(starts, "a round of recovery", f"{len(starts)} rounds in 12 h")
            fast, period = fact("recovery.fast_rounds"), fact("recovery.slow_period")
            least, most = (period + sign * fact("recovery.slow_jitter") for sign in (-1, 1))
            gaps = [b - a for a, b in pairwise(starts)][fast:]
            text = ", ".join(f"{gap:.0f}" for gap in gaps) or "none"
            demand(
                all(gap >= least for gap in gaps),
                f"gaps of {least} s at least after {fast} rounds",
                f"gaps of {text} s",
            )
            should(max(gaps, default=0) <= most, f"gaps of {most} s at most", f"gaps of {text} s")


@case(
    "REJ-07",
    clauses=["5.5.5.4"],
    pics=["COM-RR", "LL-NVM"],
    dut=["joiner"],
    needs=POWER,
    revision="1.1",
    findings=["F-16"],
    deadline=110000,
    version=2,
)
def test_state_is_kept_while_in_recovery(tc, dut_in_service, air):
    """State kept while in recovery."""
    code_key = install_code.link_key(dut_in_service.install_code)
    start = air.mark()
    with away(tc):
        with step(
            "Keep the golden network off for 3 h; cut power for 10 s after 2 h",
            "the device looks for it",
        ):
            quiet(tc, 7200)
            dut_in_service.power_cycle(10)
            quiet(tc, 3600)
            tries = len(air.beacon_requests(start)) + len(air.find(any_frame(), since=start))
            demand(tries, "signs of recovery", f"{tries} frames of the device")
        with step("Switch the network on again", "back in service by itself"):
            tc.on()
            back_in_service(tc, 5400)
        with step("Look at what the device sent meanwhile", "nothing of a new join"):
            absent(air, ASSOCIATION, since=start)
            absent(air, INITIATE, since=start)
            bare = any_frame().where(lambda one: one.aps_key == code_key, "under the code key")
            absent(air, bare, since=start)


@case(
    "REJ-08",
    clauses=["5.5.5.4", "5.8"],
    pics="COM-RR",
    dut=["joiner"],
    revision="1.1",
    level="should",
    findings=["F-16"],
    deadline=15000,
)
def test_channel_change_is_found_in_recovery(tc, dut_in_service, air):
    """Channel change found in recovery."""
    home = tc.channel
    other = 20 if home != 20 else 25
    with away(tc):
        try:
            with step(
                "Start the golden network on another channel with a higher update id",
                "the device finds it and rejoins",
            ):
                tc.bench.call(tc.bench.sniffer.listen(other), 10.0, "the sniffer")
                start = air.mark()
                tc.node.nwk.update_id = (tc.node.nwk.update_id + 1) & 0xFF
                tc.on(channel=other)
                heard = air.seek(rejoin_request(), within=7200, since=start)
                should(
                    heard is not None,
                    "a Rejoin Request on the new channel within 7200 s",
                    str(heard or "none"),
                )
            with step("Control read and key probe", "answered on the new channel"):
                served = until(tc, tc.control_read, 60, 5) is not None and tc.key_probe()
                should(
                    served,
                    "answers on the new channel",
                    "answered on the new channel" if served else "not answered there",
                )
                absent(air, ASSOCIATION, since=start)
        finally:
            tc.do(tc.node.mac.tune, channel=home)
            tc.bench.call(tc.bench.sniffer.listen(home), 10.0, "the sniffer")


@case("REJ-09", clauses=["5.3.2"], pics="SEC-SRJ", dut=["joiner"], level="should", version=2)
def test_first_rejoin_attempt_in_time(tc, dut_in_service, air):
    """First rejoin attempt in time."""
    quiet(tc, 5)  # an acknowledgement that ends the last exchange is not how a loss is noticed
    with away(tc):
        with step("The parent stops acknowledging", "beacon request or Rejoin Request"):
            start = air.mark()
            asked = any_frame().where(lambda p: p.mac.ack_request, "that asks for acknowledgement")
            lost = air.seek(asked, within=1800, since=start)
            observe(f"first frame that was not acknowledged: {lost or 'none'}")
            limit = 60 + (lost.time if lost else tc.bench.now())
            quiet(tc, max(0.0, limit - tc.bench.now()))
            tries = [
                one.time
                for one in (*air.beacon_requests(start), *air.find(rejoin_request(), since=start))
            ]
            first = min(tries, default=None)
            should(
                lost is not None and first is not None and first <= limit,
                "an attempt within 60 s of the first frame that was not acknowledged",
                f"lost at {lost and lost.time}, first attempt at {first}",
            )
            if lost and first:
                remark(f"first attempt {first - lost.time:.1f} s after the first frame lost")


@case(
    "REJ-10",
    clauses=["5.8", "ZB-3"],
    pics="LL-FA",
    kind="security",
    needs=SECOND,
    findings=["F-25"],
)
def test_unsecured_channel_or_pan_update_is_ignored(tc, dut_in_service, air):
    """Unsecured channel or PAN update ignored."""
    home = tc.node.mac.pan
    moved = any_frame().where(
        lambda packet: (
            isinstance(packet.nwk_command, RejoinRequest)
            or packet.mac.dst_pan not in (None, 0xFFFF, home)
        ),
        "on another PAN or of a rejoin",
    )
    wrong = type(tc.network_key)(tc.network_key.sequence, tc.bench.random.randbytes(16))
    with neighbour(tc) as stranger:
        with step(
            "Network Update, Network Report and Mgmt_NWK_Update_req from somebody without "
            "keys, unsecured and then under a wrong key",
            "ignored, control reads answered",
        ):
            stranger.settle([wrong])
            radio = tc if tc.poll_period else stranger  # who sleeps hears its parent's alone
            for frame in orders_to_move(tc, stranger):
                for sent in (frame, stranger.node.nwk.secured(frame)):
                    radio.send_nwk(sent, secure=False)
                    air.never(moved, during=30)
                    in_service(tc)


def orders_to_move(tc, stranger):
    """Network Update, Network Report and a change of channel, in the trust center's name."""
    epid, pan = tc.node.nwk.extended_pan, tc.node.mac.pan
    as_command = {"radius": 1, "frame_type": NwkType.COMMAND}
    orders = [
        (NetworkUpdate(epid, 7, pan ^ 0x5555).to_bytes(), as_command),
        (NetworkReport(epid, [pan]).to_bytes(), as_command),
        (channel_change(stranger), {}),
    ]
    return [
        stranger.in_nwk(order, dst=tc.device_short, src=0x0000, **fields)
        for order, fields in orders
    ]


def channel_change(unit):
    """The APS frame of a Mgmt_NWK_Update_req that orders channel 26."""
    message = messages.build(
        "Mgmt_NWK_Update_req", 1, ScanChannels=1 << 26, ScanDuration=0xFE, NwkUpdateId=9
    )
    frame = unit.aps_data(message.to_bytes(), message.cluster, endpoint=0)
    frame.profile = frame.src_endpoint = 0
    return frame


@contextmanager
def beacons_alone(tc):
    """The golden parent sends nothing but beacons until it has heard a Rejoin Request."""
    asked = []

    def note(frame):
        if frame.frame_type == NwkType.COMMAND and frame.payload[0] == RejoinRequest.ID:
            asked.append(frame)
        return frame

    def early(frame):
        return not asked and frame.frame_type != MacType.BEACON

    with tc.tapped("nwk", "in", note), tc.tapped("mac", "out", lambda _: None, match=early):
        yield


@case(
    "REJ-11",
    clauses=["5.4.2.1", "5.4.2"],
    pics=["SEC-SRJ", "SEC-TRJ"],
    dut=["joiner"],
    revision="1.1",
    level="should",
    kind="security",
    findings=["F-28"],
    version=2,
)
def test_secured_rejoin_comes_first(tc, dut_in_service, air):
    """Secured rejoin comes before the Trust Center rejoin."""
    start = air.mark()
    with away(tc):
        with step(
            "The golden parent is away until the device looks for it, and 120 s more",
            "the device searches",
        ):
            until(
                tc,
                lambda: air.beacon_requests(start) or air.find(rejoin_request(), since=start),
                1800,
                10,
            )
            quiet(tc, 120)
            observe(f"{len(air.beacon_requests(start))} beacon requests meanwhile")
        with step(
            "It comes back with the same keys, and answers the first Rejoin Request",
            "a secured Rejoin Request first",
        ):
            with beacons_alone(tc):
                tc.on()
                back = tc.bench.now()
                first = air.seek(rejoin_request(), within=1800, since=start)
            secured = first is not None and first.packet.nwk.security
            should(secured, "a secured Rejoin Request first", str(first or "no Rejoin Request"))
            took = until(tc, tc.control_read, 1800, 30)
            should(
                took is not None,
                "back in service within 1800 s",
                f"back in service {tc.bench.now() - back:.0f} s after its return",
            )
            begun = len(air.find(INITIATE, since=start))
            should(not begun, "no Initiate", f"{begun} Initiates")
