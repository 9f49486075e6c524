"""JOIN, PRO: a router as a parent: who joins through it, who is sent away (053474 3.6.1, 4.4)."""

from lab.cases import case, observe, procedure, remark, should, step, weakness
from lab.clock import DeadlineExpired
from lab.judging import demand, holds, ignored, in_service, in_time
from lab.patterns import any_frame, aps, mac, nwk, zdp
from lab.procedures import require
from lab.registers.facts import fact
from lab.units.child import PERMIT, adopt, announced, child_of, permit
from zigbee import zdp as zdp_messages
from zigbee.aps import RemoveDevice, Tunnel, UpdateDevice
from zigbee.mac import AssociationRequest, AssociationResponse, MacFrame, MacType
from zigbee.nwk import BROADCAST_RX_ON, Leave, LinkStatus, RejoinRequest, RejoinResponse
from zigbee.types import Eui64

WITH_CHILD = ["radio", "second_radio", "sniffer"]
SECURED_REJOIN, UNSECURED_JOIN, LEFT = 0x00, 0x01, 0x02
JOIN_MAX = 60.0
MGMT_LEAVE = 0x0034


def open_joining(tc, dut, seconds):
    """Open (0: close) joining at the device, by its own order when it is the trust center."""
    if dut.claims("NR-ZC"):
        dut.do("permit_join", seconds=seconds)
    else:
        permit(tc, seconds)


def let_in(tc, dut, child):
    """Register the child by its install code with whoever is the trust center."""
    if dut.claims("NR-ZC"):
        child.register(dut)
    else:
        tc.register(child.eui64, child.code_key)


def granted(child, status=0x00):
    """An association response to ``child``."""
    return mac(AssociationResponse).where(
        lambda p: p.mac.dst == child.eui64 and p.mac_command.status == status,
        f"with status {status} to the child",
    )


def update_device(child, status):
    """Update Device about ``child``."""
    return aps(UpdateDevice).where(
        lambda p: p.aps_command.device == child.eui64 and p.aps_command.status == status,
        f"with status {status} for the child",
    )


def reported(air, child, status, within, start):
    """Wait for Update Device about ``child``, under the device's link key if that is demanded."""
    told = air.expect(update_device(child, status), within=within, since=start)
    secured = update_device(child, status).under_link_key()
    sealed = air.seek(secured, within=within, since=start)
    demand(
        sealed or not fact("router.update_device_secured"),
        secured.text,
        str(sealed) if sealed else f"{told}, without APS security",
    )
    return sealed or told


@procedure
def joins_through(tc, air, child, within):
    """Association with the device, its report to the TC, and the tunnelled network key."""
    with step("Mgmt_Permit_Joining_req (180 s) to the device; a child associates", "status 0x00"):
        permit(tc, PERMIT)
        tc.bench.wait(1)
        start = air.mark()
        for _ in range(2):  # a beacon may be lost
            child.start_joining()
            if air.seek(granted(child), within=20, since=start):
                break
        response = air.expect(granted(child), within=JOIN_MAX, since=start)
    with step("Observe", "Update Device status 0x01 under the device's link key"):
        told = reported(air, child, UNSECURED_JOIN, within, start)
        in_time(
            told.time - response.time <= within,
            f"within {within:g} s",
            f"{told.time - response.time:.3f} s after the association",
        )
        address = told.packet.aps_command.short
        demand(
            address == response.packet.mac_command.short,
            "the address that it gave",
            f"address {address:#06x}",
        )
        bare = air.find(update_device(child, UNSECURED_JOIN).without_link_key(), since=start)
        remark(f"{len(bare)} copies of Update Device without APS security")
    with step("The TC answers with Tunnel", "the inner frame goes to the child as it is"):
        tunnel = air.expect(aps(Tunnel), within=5, since=start, dut=False)
        bare = nwk().to(address).where(lambda p: not p.nwk.security, "without NWK security")
        passed = air.expect(bare, within=5, since=start)
        holds(
            passed.packet.nwk.payload == tunnel.packet.aps_command.frame,
            "the inner frame octet for octet",
            "the octets that were tunnelled",
        )
    return start


@case("JOIN-17", clauses=["ZB-4.4.4", "5.4.1"], pics="NR-ZR", needs=WITH_CHILD, dut=["router"])
def test_a_parent_reports_a_new_child(tc, dut_in_service, air):
    """A parent reports a new child, and passes its key on."""
    with child_of(tc, tc.device_short) as child:
        joins_through(tc, air, child, 3)


@case("TP/R20/BV-03", clauses=["ZB-4.4.4"], pics="NR-R20", needs=WITH_CHILD, dut=["router"])
def test_a_trust_center_that_insists_on_aps_security(tc, dut_in_service, air):
    """A router tells a Trust Center that insists on APS security of a new child."""
    with child_of(tc, tc.device_short) as child:
        start = joins_through(tc, air, child, 5)
        with step("The child takes the key", "Device_annce of the child"):
            air.expect(announced(child), within=10, since=start, dut=False)


def association_request(tc, device, sequence):
    """An association request of ``device`` to the device under test."""
    return MacFrame(
        MacType.COMMAND,
        sequence & 0xFF,
        dst_pan=tc.node.mac.pan,
        dst=tc.device_short,
        src_pan=0xFFFF,
        src=device,
        ack_request=True,
        payload=AssociationRequest(0x8E).to_bytes(),
    )


def beacon():
    """A beacon of the device."""
    return any_frame().where(lambda packet: packet.beacon is not None, "beacon")


def restarts(tc, dut, since):
    """Whether the device restarted since a mark, and what was seen; None: it cannot be seen."""
    if tc.bench.console is None or not dut.has_event("boot"):
        return None, "no console that tells of restarts"
    try:
        reason = dut.wait_for("boot", within=0.5, since=since).get("reason")
    except DeadlineExpired:
        return False, "no restart"
    return True, f"a restart, reason {reason}"


@case(
    "JOIN-21",
    clauses=["M15.4", "LAB-ROB", "ZB-3.6.1"],
    pics="NR-ZR or NR-ZC",
    needs=WITH_CHILD,
    dut=["router", "tc"],
    kind="robustness",
    findings=["F-39"],
)
def test_association_flood(tc, dut_in_service, air):
    """A parent gets over a flood of association requests."""
    random = tc.bench.random
    with child_of(tc, tc.device_short, registered=False) as child:
        let_in(tc, dut_in_service, child)
        mark = dut_in_service.mark() if tc.bench.console is not None else 0
        with step(
            "200 association requests of random EUI64, 5 per second; ten beacon requests",
            "a beacon for at least 8 of 10",
        ):
            open_joining(tc, dut_in_service, 254)
            heard = 0
            for number in range(200):
                device = Eui64(0x02A7C5F000000000 | random.getrandbits(32))
                child.send_mac(association_request(tc, device, number))
                tc.bench.wait(0.1)
                if number % 20 == 10:
                    tc.do(tc.node.mac.request_beacons)
                    heard += air.seek(beacon(), within=1) is not None
                tc.bench.wait(0.1)
            demand(heard >= 8, "at least 8 of 10 beacons", f"{heard} of 10 beacons")
        with step("Stop; a child with a registered code joins", "Device_annce within 300 s"):
            open_joining(tc, dut_in_service, 254)
            start = air.mark()
            child.start_joining()
            air.expect(granted(child), within=300, since=start)
            air.expect(announced(child), within=300, since=start, dut=False)
            late = air.frames[-1].time - air.frames[start].time
            in_time(late <= 300, "at most 300 s", f"joined after {late:.1f} s")
            restarted, seen = restarts(tc, dut_in_service, mark)
            weakness(restarted, "a flood of association requests restarts it", seen)
            remark("nobody fetched the responses to the flood: their status was not seen")


@case(
    "JOIN-22",
    clauses=["5.4.1", "ZB-3.6.1"],
    pics="NR-ZR or NR-ZC",
    needs=WITH_CHILD,
    dut=["router", "tc"],
    kind="security",
    findings=["F-25"],
)
def test_association_only_when_joining_is_open(tc, dut_in_service, air):
    """Association is granted only while joining is open."""
    open_joining(tc, dut_in_service, 0)
    tc.bench.wait(1)
    tc.do(tc.node.mac.request_beacons)
    closed = beacon().where(lambda p: not p.beacon.association_permit, "that permits nobody")
    require(air.seek(closed, within=3), "the device's beacon does not show joining closed")
    with child_of(tc, tc.device_short, registered=False) as applicant:
        with step("Three association requests, then data requests for 10 s", "no status 0x00"):
            start = air.mark()
            for _ in range(3):
                applicant.associate()
                tc.bench.wait(1)
            for _ in range(10):
                applicant.poll()
                tc.bench.wait(1)
            tc.bench.wait(20)
            in_service(tc)
            let_in = air.find(granted(applicant), since=start)
            demand(not let_in, "nobody let in", f"{len(let_in)} responses with status 0x00")
        with step("Open joining for 60 s and repeat once", "status 0x00"):
            open_joining(tc, dut_in_service, 60)
            tc.bench.wait(1)
            start = air.mark()
            applicant.associate()
            air.expect(granted(applicant), within=10, since=start)


def rejoin(tc, air, child):
    """The child rejoins under the network key; gives the place in the capture."""
    start = air.mark()
    child.send_command(RejoinRequest(child.node.zdo.capability), dst_eui=tc.device)
    return start


@case(
    "TP/R20/BV-07",
    clauses=["ZB-4.4.4", "ZB-4.6.3", "5.4.2.2"],
    pics=["NR-R20", "SEC-SRJ"],
    needs=WITH_CHILD,
    dut=["router"],
    findings=["F-28"],
)
def test_secured_rejoin_of_a_child(tc, dut_in_service, air):
    """A parent handles a secured rejoin, unique link keys."""
    with child_of(tc, tc.device_short) as child:
        adopt(tc, child)
        with step(
            "Rejoin Request of the child under the network key",
            "Rejoin Response status 0x00, Update Device status 0x00 under the link key",
        ):
            start = rejoin(tc, air, child)
            accepted = nwk(RejoinResponse).where(lambda p: p.nwk_command.status == 0, "status 0")
            response = air.expect(accepted, within=5, since=start)
            told = reported(air, child, SECURED_REJOIN, 5, start)
            address = told.packet.aps_command.short
            demand(
                address == response.packet.nwk_command.short,
                "the child's short address",
                f"address {address:#06x}",
            )


@case(
    "TP/R20/BV-09",
    clauses=["ZB-4.4.4", "ZB-4.6.3"],
    pics=["NR-R20", "SEC-SRJ"],
    needs=WITH_CHILD,
    dut=["router"],
    level="report",
    findings=["F-28"],
)
def test_secured_rejoin_under_a_global_link_key(tc, joined_dut, air):
    """A parent handles a secured rejoin, one global link key."""
    with child_of(tc, tc.device_short, registered=False) as child:
        child.joiner.install_code = joined_dut.install_code
        tc.register(child.eui64, tc.coordinator.devices[joined_dut.eui64].link_key)
        adopt(tc, child)
        with step("Rejoin Request of the child under the network key", "Update Device status 0x00"):
            start = rejoin(tc, air, child)
            told = air.seek(update_device(child, SECURED_REJOIN), within=5, since=start)
            secured = told is not None and told.packet.aps_opened
            how = "with APS security" if secured else "without APS security"
            seen = f"Update Device status 0x00 {how}" if told else "no Update Device status 0x00"
            weakness(told is None, "the trust center does not hear of a secured rejoin", seen)
            weakness(
                not secured if told else None,
                "whoever has the network key can tell the trust center of a rejoin",
                seen,
            )


def remove(tc, device, *, to=None, secure=True):
    """Remove Device of the TC to the device under test (or to all)."""
    key = tc.link_key if secure else None
    target = tc.device_short if to is None else to
    tc.do(tc.node.aps.send_command, RemoveDevice(device), target, link_key=key)


def request_leave(tc, sequence):
    """Mgmt_Leave_req of the TC under its link key: leave, and do not come back."""
    message = zdp_messages.build("Mgmt_Leave_req", sequence, DeviceAddress=Eui64(0), Options=0)
    tc.do(
        tc.node.aps.send,
        message.to_bytes(),
        tc.device_short,
        cluster=MGMT_LEAVE,
        profile=0,
        dst_endpoint=0,
        src_endpoint=0,
        secure=True,
    )


def dismissal(child):
    """The order to the child to leave."""
    return nwk(Leave).to(child.short).where(lambda p: p.nwk_command.request, "with request")


def of_the_device():
    """Any frame that the device secured with the network key."""
    return any_frame().where(lambda packet: packet.nwk_opened, "under the network key")


@case(
    "TP/SEC/BV-28-I",
    clauses=["ZB-4.4.5", "5.4.3"],
    pics=["SEC-RM", "NR-R20"],
    needs=WITH_CHILD,
    dut=["router"],
    findings=["F-27"],
)
def test_remove_device_and_mgmt_leave(tc, dut_in_service, air):
    """A router obeys Remove Device and Mgmt_Leave_req."""
    with child_of(tc, tc.device_short) as child:
        adopt(tc, child)
        with step("Remove Device (child), APS-secured", "NWK Leave with request to the child"):
            leave = dismissal(child)
            start = air.mark()
            remove(tc, child.eui64)
            air.expect(leave, within=10, since=start)
            told = air.seek(update_device(child, LEFT), within=10, since=start)
            should(
                told is not None,
                "Update Device status 0x02 for the child",
                str(told) if told else "none within 10 s",
            )
    with step(
        "Mgmt_Leave_req (EUI64 0, options 0), APS-secured; Remove Device where the PICS "
        "excludes it",
        "response, leave, and silence",
    ):
        start = air.mark()
        if (dut_in_service.file.pics or {}).get("LL-LQMGMT") is False:
            remove(tc, tc.device)
        else:
            request_leave(tc, 0x5A)
            air.expect(zdp("Mgmt_Leave_rsp").numbered(0x5A), within=10, since=start)
        left = air.expect(nwk(Leave), within=10, since=start)
        tc.bench.wait(30)
        later = air.find(of_the_device(), since=left.number)
        demand(not later, "no frame under the network key for 30 s", f"{len(later)} frames")


@case(
    "TP/R20/BV-05",
    clauses=["ZB-4.4.5", "5.5.5.1"],
    pics=["SEC-RM", "NR-R20"],
    needs=WITH_CHILD,
    dut=["router"],
    kind="security",
    findings=["F-25"],
)
def test_remove_device_only_secured_and_unicast(tc, dut_in_service, air):
    """Remove Device is obeyed only when APS-secured and unicast."""
    with child_of(tc, tc.device_short) as child:
        adopt(tc, child)
        with step("Unicast Remove Device (child) with NWK security only", "ignored"):
            if fact("remove_device.only_aps_secured"):
                ignored(tc, lambda: remove(tc, child.eui64, secure=False), nwk(Leave), during=20)
        with step("Broadcast it with APS security", "ignored"):
            if fact("remove_device.only_unicast"):
                everyone = BROADCAST_RX_ON
                ignored(tc, lambda: remove(tc, child.eui64, to=everyone), nwk(Leave), during=20)
        with step("Unicast it with APS security", "the child is told to leave"):
            leave = dismissal(child)
            start = air.mark()
            remove(tc, child.eui64)
            air.expect(leave, within=10, since=start)
    with step("Unicast with NWK security only, the device's own EUI64", "ignored"):
        if fact("remove_device.only_aps_secured"):
            ignored(tc, lambda: remove(tc, tc.device, secure=False), nwk(Leave), during=20)
    with step("Unicast with APS security, the device's own EUI64", "the device leaves"):
        start = air.mark()
        remove(tc, tc.device)
        air.expect(nwk(Leave), within=10, since=start)
        tc.bench.wait(2)


@case(
    "TP/R20/BV-13",
    clauses=["ZB-3.4.4", "5.5.5.1"],
    pics=["NR-R20", "SEC-RM"],
    dut=["router"],
    kind="security",
    findings=["F-25"],
    facts=["leave.only_aps_secured"],
)
def test_nwk_leave_is_ignored(tc, dut_in_service, air):
    """A router ignores NWK Leave when so configured."""
    with step("NWK Leave with options 0x40 under the network key", "ignored"):
        start = air.mark()
        ignored(
            tc,
            lambda: tc.do(tc.node.nwk.send_command, Leave(request=True), tc.device_short),
            nwk(Leave),
            during=20,
        )
        air.expect(nwk(LinkStatus), within=20, since=start)
    with step("Allow it through the console where offered, and repeat", "for the record"):
        offered = dut_in_service.offers("allow_leave")
        if offered:
            dut_in_service.do("allow_leave")
            start = air.mark()
            tc.do(tc.node.nwk.send_command, Leave(request=True), tc.device_short)
            offered = air.seek(nwk(Leave), within=20, since=start)
            remark("NWK Leave that is allowed: the device " + ("left" if offered else "stayed"))
        observe(str(offered) if offered else "not offered, or not obeyed")


@case(
    "TP/R21/BV-02",
    clauses=["ZB-4.4.4"],
    pics="NR-R21",
    needs=WITH_CHILD,
    dut=["router"],
    findings=["F-27"],
)
def test_update_device_when_a_child_leaves(tc, dut_in_service, air):
    """A parent tells the Trust Center of each child that leaves."""
    with step(
        "A router child and an end-device child leave (options 0x00), one after the other",
        "Update Device status 0x02 for each, under the link key",
    ):
        for router in (True, False):
            with child_of(tc, tc.device_short, router=router) as child:
                adopt(tc, child)
                start = air.mark()
                child.do(child.joiner.leave)
                reported(air, child, LEFT, 10, start)
