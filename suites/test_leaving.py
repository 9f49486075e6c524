"""LEAVE: who may send a device away, and what stays when it goes (075356 5.5.5.1)."""

from lab.cases import case, observe, remark, step, weakness
from lab.judging import absent, answers_probe, holds, ignored, in_service
from lab.patterns import any_frame, aps, mac, nwk, zcl, zdp
from lab.procedures import KEY_ESTABLISHMENT_MAX, PERMIT, quiet, settle
from lab.recovery import INITIATE, rejoin_request, under
from lab.units.neighbours import neighbour
from zigbee.aps import TransportKey
from zigbee.crypto import install_code
from zigbee.mac import AssociationRequest
from zigbee.nwk import Leave, NwkType

SECOND = ["radio", "second_radio", "sniffer"]
POWER = ["radio", "sniffer", "console", "supply"]
REFUSALS = (0x84, 0x8D, 0xAD)
REJOIN = 0x80


def goes():
    """A leave indication, a Rejoin Request or an association request of the device."""
    left = nwk(Leave)
    return any_frame().where(
        lambda packet: (
            left.matches(packet)
            or rejoin_request().matches(packet)
            or mac(AssociationRequest).matches(packet)
        ),
        "of a device that leaves or rejoins",
    )


def leaves(unit, target, source):
    """NWK Leave with request, then with rejoin, remove children and both, from ``source``."""
    return [
        unit.in_nwk(
            Leave(rejoin=rejoin, request=True, remove_children=children).to_bytes(),
            dst=target,
            src=source,
            frame_type=NwkType.COMMAND,
            radius=1,
        )
        for children in (False, True)
        for rejoin in (False, True)
    ]


def stays(tc, air, stimulus, watch=30):
    """Demand that the device neither leaves nor rejoins, and answers a control read after it."""
    in_service(tc)
    stimulus()
    air.never(goes(), during=watch)
    in_service(tc)


@case(
    "LEAVE-01",
    clauses=["5.5.5.1", "ZB-3.4.4"],
    pics="SEC-RM",
    dut=["router"],
    revision="1.1",
    kind="security",
    needs=SECOND,
    findings=["F-25", "F-26"],
    facts=["leave.only_aps_secured"],
)
def test_authenticated_router_ignores_nwk_leave(tc, dut_in_service, air):
    """Authenticated router ignores NWK Leave."""
    with neighbour(tc) as insider:
        with step(
            "A node with the network key sends NWK Leave in four forms, from its own address "
            "and then from 0x0000",
            "ignored, control read answered after each",
        ):
            insider.settle([tc.network_key])
            for source in (insider.node.mac.short, 0x0000):
                for frame in leaves(insider, tc.device_short, source):
                    stays(tc, air, lambda f=frame: insider.send_nwk(f))


@case(
    "LEAVE-02",
    clauses=["5.5.5.1", "ZB-3.4.4"],
    pics="NR-ZED or NR-SED",
    dut=["sleepy"],
    revision="1.1",
    kind="security",
    needs=SECOND,
    findings=["F-25"],
    facts=["leave.only_aps_secured"],
)
def test_end_device_obeys_nwk_leave_only_from_its_parent(tc, dut_in_service, air):
    """End device obeys NWK Leave only from its parent."""
    with neighbour(tc) as insider:
        insider.settle([tc.network_key])
        own = insider.node.mac.short
        with step("A node with the network key sends NWK Leave itself", "ignored"):
            for frame in leaves(insider, tc.device_short, own)[:2]:
                stays(tc, air, lambda f=frame: insider.send_nwk(f))
        with step("The parent relays NWK Leave of that node", "ignored"):
            for frame in leaves(tc, tc.device_short, own)[:2]:
                stays(tc, air, lambda f=frame: tc.do(tc.node.nwk.send_frame, f))
    with step("The parent sends NWK Leave", "recorded"):
        frame = leaves(tc, tc.device_short, 0x0000)[0]
        tc.do(tc.node.nwk.send_frame, frame)
        left = air.seek(goes(), within=30)
        remark(f"NWK Leave of the parent: {left or 'ignored'}")
        observe("leaves" if left else "stays")


@case(
    "LEAVE-03",
    clauses=["ZB-2.4", "5.5.5.1"],
    pics="SEC-RM",
    dut=["joiner"],
    revision="1.1",
    kind="security",
    needs=SECOND,
    findings=["F-25"],
    facts=["leave.only_aps_secured"],
)
def test_management_leave_without_aps_security(tc, dut_in_service, air):
    """Mgmt_Leave_req without APS security."""
    with neighbour(tc) as insider:
        with step(
            "A node with the network key sends Mgmt_Leave_req, then with the rejoin bit",
            "refused or not answered; the device stays",
        ):
            insider.settle([tc.network_key])
            for options in (0x00, REJOIN):
                in_service(tc)
                insider.ask("Mgmt_Leave_req", DeviceAddress=tc.device, Options=options)
                air.never(goes(), during=30)
                answer = air.find(zdp("Mgmt_Leave_rsp"))
                status = answer[0].packet.zdp.fields["Status"] if answer else None
                if status not in (None, *REFUSALS):
                    remark(f"Mgmt_Leave_req answered with {status:#04x}")
                in_service(tc)


@case(
    "LEAVE-05",
    clauses=["5.5.5.1", "LAB-STORE"],
    pics=["COM-UIRST", "BEN-UI"],
    dut=["joiner"],
    kind="security",
    needs=POWER,
    findings=["F-13", "F-34"],
    version=2,
    deadline=7200,
)
def test_factory_reset_wipes_secrets(tc, dut_in_service, air):
    """Factory reset wipes secrets."""
    old, network = bytes(tc.link_key.key), tc.network_key.key
    stale = any_frame().where(
        lambda packet: packet.aps_key == old or packet.nwk_key == network, "under the old keys"
    )
    with step("Reset the device beside the old network, which is closed", "nothing under old keys"):
        dut_in_service.factory_reset()
        start = air.mark()
        quiet(tc, 300)
        absent(air, stale, since=start)
        observe(f"{len(air.beacon_requests(start))} beacon requests in 300 s")
    with step("Cut and restore power", "the same"):
        dut_in_service.power_cycle(5)
        quiet(tc, 300)
        absent(air, stale, since=start)
    with step("Open joining with the code registered and start the device", "it joins anew"):
        code_key = install_code.link_key(dut_in_service.install_code)
        tc.register(dut_in_service.eui64, code_key)
        start = air.mark()
        tc.permit(PERMIT)
        dut_in_service.join()
        sent = air.expect(aps(TransportKey), within=60, since=start, dut=False)
        holds(sent.packet.aps_key == code_key, "the network key under the code key", "it was")
        air.expect(under(network), within=60, since=sent.number)
        air.expect(INITIATE, within=KEY_ESTABLISHMENT_MAX, since=start)
        air.expect(zcl("ConfirmKeyDataRequest"), within=120, since=start)
        settle(tc)
    with step("Key probe under the old link key, and under the new one", "silent; answered"):
        former = type(tc.link_key)(tc.device, old, "old", tc.link_key.counter)
        frame, sequence = tc.probe_frame(former)
        answer = zcl("ReadAttributesResponse").numbered(sequence)
        ignored(tc, lambda: tc.send_aps(frame), answer, during=5)
        answers_probe(tc)


def record_service_after(tc, what):
    """Record whether the device answers a key probe within 120 s of what a user did."""
    end = tc.bench.now() + 120
    while not (answered := tc.key_probe()) and tc.bench.now() < end:
        tc.bench.wait(5)
    seen = f"the key probe was {'answered' if answered else 'not answered in 120 s'}"
    weakness(not answered, f"{what} remove the device", seen)


@case(
    "LEAVE-06",
    clauses=["5.5.5.1"],
    pics=["COM-UIRST", "BEN-UI"],
    dut=["joiner"],
    revision="1.1",
    level="report",
    kind="robustness",
    needs=["radio", "sniffer", "supply"],
    findings=["F-34"],
    version=2,
)
def test_accidental_user_actions(tc, dut_in_service, air):
    """Accidental user actions do not remove the device."""
    with step("A short press, and five fast ones", "recorded"):
        if dut_in_service.offers("press"):
            for presses in (1, 5):
                for _ in range(presses):
                    dut_in_service.do("press")
                record_service_after(tc, f"{presses} presses of its button")
        else:
            weakness(None, "a press of its button removes the device", "no action press")
    with step("Five power cycles of 2 s", "recorded"):
        for _ in range(5):
            dut_in_service.power_cycle(2)
            quiet(tc, 5)
        record_service_after(tc, "five power cycles")
