"""LKEY: what link keys protect, and what is refused without them (075356 5.4.5, 5.4.6)."""

import itertools
from dataclasses import replace

from lab.cases import case, observe, remark, should, step
from lab.judging import answers_probe, demand, holds, ignored, in_service
from lab.patterns import any_frame, aps, reaction_to, zcl
from lab.procedures import quiet
from lab.registers.facts import fact
from lab.units.exchange import complete, terminate
from lab.verdicts import Inconclusive
from zigbee import zcl as library
from zigbee.zcl import Direction

BASIC, TIME, PRICE, KEY_ESTABLISHMENT = 0x0000, 0x000A, 0x0700, 0x0800
OWNER = {Direction.TO_SERVER: "server", Direction.TO_CLIENT: "client"}
#: Commands that change nothing, by cluster and the side that they are for.
HARMLESS = {
    (0x0019, Direction.TO_SERVER): {
        "QueryNextImageRequest": {
            "FieldControl": 0,
            "ManufacturerCode": 0xFFFE,
            "ImageType": 0,
            "CurrentFileVersion": 0,
        }
    },
    (PRICE, Direction.TO_SERVER): {"GetCurrentPrice": {"CommandOptions": 0}},
    (0x0701, Direction.TO_SERVER): {"GetScheduledEvents": {"StartTime": 0, "NumberOfEvents": 0}},
    (0x0702, Direction.TO_SERVER): {
        "GetProfile": {"IntervalChannel": 0, "EndTime": 0, "NumberOfPeriods": 1}
    },
    (0x0703, Direction.TO_SERVER): {"GetLastMessage": {}},
    (0x0704, Direction.TO_SERVER): {"GetSupportedTunnelProtocols": {"ProtocolOffset": 0}},
}


def clusters_of(tc, air):
    """Clusters of the device's descriptor, by the side that a frame to them is for."""
    sequence = tc.ask(
        "Simple_Desc_req", NWKAddrOfInterest=tc.device_short, EndPoint=tc.dut_endpoint
    )
    heard = air.expect(any_frame().numbered(sequence), within=10)
    descriptor = heard.packet.zdp.fields["SimpleDescriptor"]
    sides = ((Direction.TO_SERVER, "InputClusters"), (Direction.TO_CLIENT, "OutputClusters"))
    return [(cluster, side) for side, name in sides for cluster in descriptor[name]]


def under_link_key(clusters):
    """Those of the clusters that 5.4.6 puts under the link key, Time apart."""
    return [one for one in clusters if one[0] != TIME and library.cluster(one[0]).link_key_required]


def attributes_of(cluster, side):
    """Attributes to ask for on one side of a cluster: the first and all mandatory ones."""
    known = library.cluster(cluster).attributes(OWNER[side]).values()
    return sorted({0x0000, *(one.id for one in known if one.mandatory)})


@case(
    "LKEY-01",
    clauses=["5.4.6", "ZB-4"],
    pics="SEC-CBKER and not DT-REX",
    kind="security",
    findings=["F-26"],
    version=2,
    deadline=3600,
)
def test_energy_clusters_refuse_the_network_key(tc, dut_in_service, air):
    """Energy clusters refuse frames under the network key alone."""
    every = clusters_of(tc, air)
    clusters = under_link_key(every)
    answers = any_frame().where(
        lambda packet: (
            packet.command is not None
            and packet.command.name != "DefaultResponse"
            and packet.aps.cluster in dict(clusters)
        ),
        "that answers on an energy cluster",
    )

    def refused(cluster, frame):
        """Demand that the frame is met with nothing, or a Default Response: FAILURE at best."""
        ignored(tc, lambda: tc.send_zcl(cluster, frame, secure=False), answers, during=5)
        refusal = zcl("DefaultResponse", status=1).numbered(frame.sequence).without_link_key()
        should(
            air.find(refusal, since=0),
            "Default Response FAILURE without APS security",
            f"cluster {cluster:#06x}: FAILURE under the network key",
        )

    with step("Read attributes of each energy cluster under the network key", "no value"):
        demand(clusters, "energy clusters in the simple descriptor", f"clusters {clusters}")
        for cluster, side in clusters:
            for attribute in attributes_of(cluster, side):
                refused(cluster, tc.read_frame(attribute, direction=side))
    with step("Harmless commands under the network key", "no cluster answer"):
        for cluster, side in clusters:
            for name, fields in HARMLESS.get((cluster, side), {}).items():
                refused(cluster, tc.node.zcl.command(cluster, name, **fields))
        if (PRICE, Direction.TO_CLIENT) in clusters:
            acts = zcl("PriceAcknowledgement")
            ignored(tc, lambda: tc.publish(9000, 9, secure=False, PriceControl=1), acts, during=5)
        observe(f"{len(clusters)} energy clusters")
    with step("Read Time under the network key", "recorded"):
        if (TIME, Direction.TO_SERVER) in every:
            answered = tc.answered(tc.read(TIME, 0x0000, secure=False), 3)
            remark(f"Time is {'' if answered else 'not '}read under the network key alone")
            observe("a value" if answered else "no value")
        else:
            observe("the device serves no Time")


@case("LKEY-02", clauses=["5.4.6"], pics="ZCL-BASIC", findings=["F-26"])
def test_general_clusters_work_with_the_network_key(tc, dut_in_service, air):
    """General clusters work with the network key."""
    for_ = ((BASIC, 0x20), (KEY_ESTABLISHMENT, 0x31))
    with step("Read ZCLVersion and KeyEstablishmentSuite with NWK security only", "status 0"):
        for cluster, kind in for_:
            sequence = tc.read(cluster, 0x0000, secure=False)
            answer = zcl("ReadAttributesResponse").numbered(sequence).without_link_key()
            record = air.expect(answer, within=3).packet.command.fields["records"][0]
            demand(record.status == 0, "status 0x00", f"status {record.status:#04x}")
            type_id = library.types.data_type(record.type).id
            demand(type_id == kind, f"type {kind:#04x}", f"type {type_id:#04x}")


@case(
    "LKEY-03",
    clauses=["5.4.6", "5.4"],
    pics="SEC-CBKEI and not DT-REX",
    dut=["joiner", "esi"],
    findings=["F-26"],
)
def test_the_device_secures_its_own_energy_traffic(tc, dut_in_service, air):
    """The device secures its own energy traffic."""
    with step(
        "Restart the device's services, read each cluster of either side under the link key, "
        "and record 600 s",
        "all under the link key",
    ):
        start = air.mark()
        dut_in_service.reboot()
        quiet(tc, 60)
        for cluster, direction in under_link_key(clusters_of(tc, air)):
            tc.read(cluster, 0x0000, secure=True, direction=direction)
        quiet(tc, 600)
        own = [
            one
            for one in air.find(aps(), since=start)
            if one.packet.zcl is not None
            and one.packet.aps.cluster != TIME
            and one.packet.nwk.dst < 0xFFF8
            and library.cluster(one.packet.aps.cluster).link_key_required
        ]
        bare = [
            one
            for one in own
            if not one.packet.aps_opened and one.packet.command.name != "DefaultResponse"
        ]
        air.require(aps().where(lambda packet: packet.aps_opened, "under the link key"))
        if not own:
            raise Inconclusive("the device sent nothing on clusters that ask for the link key")
        demand(not bare, "APS security on each", f"{len(own)} frames, {len(bare)} without")


@case(
    "LKEY-04", clauses=["5.4.6", "ZB-4.4.1"], pics="SEC-CBKER", kind="security", findings=["F-26"]
)
def test_answer_to_a_secured_request_is_secured(tc, dut_in_service, air):
    """The answer to a secured request is secured."""
    with step("Read an attribute of cluster 0x0800 under the link key", "answer under it"):
        sequence = tc.read(KEY_ESTABLISHMENT, 0x0000, secure=True)
        heard = air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=3)
        secured = heard.packet.aps_opened
        demand(
            secured or not fact("aps.answer_secured_as_asked"),
            "an answer under the link key",
            "under the link key" if secured else "without APS security",
        )
    with step("Send a command of an energy cluster under the link key", "answer under it"):
        sequence = tc.read(PRICE, 0x0000, secure=True)
        heard = air.expect(any_frame().numbered(sequence), within=3)
        holds(heard.packet.aps_opened, "under the link key", "under the link key")
    with step("Read ZCLVersion under the link key", "recorded"):
        sequence = tc.read(BASIC, 0x0000, secure=True)
        heard = air.expect(zcl("ReadAttributesResponse").numbered(sequence), within=3)
        remark(f"Basic answered {'with' if heard.packet.aps_opened else 'without'} APS security")


@case("LKEY-06", clauses=["ZB-4.4.1", "ZB-A"], pics="SEC-CBKER", kind="security", findings=["F-05"])
def test_aps_frame_with_a_corrupted_mic(tc, dut_in_service, air):
    """An APS frame with a corrupted MIC is dropped."""

    def flip(frame, place):
        payload = bytearray(frame.payload)
        payload[place] ^= 0x01
        return replace(frame, payload=bytes(payload))

    changes = {
        "the MIC": lambda frame: flip(frame, -1),
        "the ciphertext": lambda frame: flip(frame, 1),
        "the APS counter": lambda frame: replace(frame, counter=frame.counter ^ 0x80),
        "the auxiliary counter": lambda frame: replace(
            frame, aux=replace(frame.aux, frame_counter=frame.aux.frame_counter ^ 0x04)
        ),
    }
    with step("Key probes with one bit flipped in MIC, ciphertext and counters", "dropped"):
        for what, change in changes.items():
            probe, sequence = tc.probe_frame(frame_counter=tc.link_key.counter.take() + 8)
            probe = change(probe)
            ignored(tc, lambda p=probe: tc.send_aps(p), reaction_to(probe, sequence), during=5)
            observe(f"{what} altered: dropped")
    with step("The key probe unaltered", "answered"):
        answers_probe(tc)


@case(
    "LKEY-07",
    clauses=["ZB-A", "5.2", "ZB-B.1.2"],
    pics="LL-STDSEC",
    kind="security",
    findings=["F-05"],
)
def test_security_level_is_always_5(tc, dut_in_service, air):
    """The security level is always 5, and 0 on the air."""
    with step("Gather secured frames of the device", "all open with a 4-octet MIC, level bits 0"):
        start = air.mark()
        for _ in range(100):
            in_service(tc)
            tc.key_probe()
        frames = [one.packet for one in air.find(aps(), since=start) if one.packet.nwk.security]
        wrong = [
            one
            for one in frames
            if not one.nwk_opened or one.nwk.aux.level != 0 or one.nwk.aux.source != tc.device
        ]
        wrong += [
            one
            for one in frames
            if one.aps.security and (not one.aps_opened or one.aps.aux.level != 0)
        ]
        demand(
            len(frames) >= 300 and not wrong,
            "300 frames, all at level 5",
            f"{len(frames)} frames, {len(wrong)} otherwise",
        )


def send_at(tc, frame, **levels):
    """Send an APS frame at a NWK security level, under the next frame counter."""
    tc.send_nwk(tc.node.nwk.secured(tc.in_nwk(frame), **levels), secure=False)


@case(
    "LKEY-08",
    clauses=["ZB-A", "ZB-4.3"],
    pics="LL-STDSEC",
    kind="security",
    version=2,
    findings=["F-05"],
)
def test_other_security_levels_are_refused(tc, dut_in_service, air):
    """Frames at another security level are refused."""
    with step("Control reads at NWK levels 1, 2, 3, 4, 6 and 7", "dropped"):
        for level in (1, 2, 3, 4, 6, 7):
            for on_air in (0, level):
                frame, sequence = tc.control_frame()
                levels = {"level": level, "level_on_air": on_air}
                answer = zcl("ReadAttributesResponse").numbered(sequence)
                ignored(tc, lambda f=frame, n=levels: send_at(tc, f, **n), answer, during=5)
    with step("Control read at level 5", "answered"):
        in_service(tc)


@case(
    "LKEY-09",
    clauses=["5.4.5", "C.2"],
    pics="SEC-CBKER",
    dut=["joiner"],
    kind="security",
    findings=["F-02"],
)
def test_link_key_differs_after_each_establishment(tc, idle_responder, air):
    """The link key differs after each key establishment."""
    keys = []
    with step("Run key establishment five times, with a key probe after each", "answered"):
        for _ in range(5):
            keys.append(int.from_bytes(complete(tc).link_key, "big"))
            answers_probe(tc)
            terminate(tc)
    with step("Compare the keys", "all different, with no fixed difference"):
        between = [a ^ b for a, b in itertools.pairwise(keys)]
        demand(
            len(set(keys)) == 5 and len(set(between)) == 4,
            "no relation",
            f"{len(set(keys))} keys, {len(set(between))} differences",
        )


@case(
    "LKEY-10",
    clauses=["ZB-4.4.1", "5.4.6"],
    pics="SEC-CBKER and SEC-PLK",
    dut=["joiner"],
    kind="security",
    findings=["F-26"],
    needs=["radio", "second_radio", "sniffer"],
)
def test_link_key_is_bound_to_its_partner(tc, dut_in_service, partner, air):
    """A link key opens nothing that comes from another than its partner."""
    partner.enter()
    partner.pair()
    answers_probe(partner)
    forged = {
        "the trust center's key": {},
        "the trust center's key and EUI-64": {"extended_nonce": True, "source": tc.eui64},
    }
    with step("The partner sends key probes under the trust center's key", "dropped"):
        for what, security in forged.items():
            probe, sequence = partner.probe_frame(tc.link_key, **security)
            ignored(
                tc,
                lambda p=probe: partner.send_aps(p),
                reaction_to(probe, sequence).to(partner.short),
                during=10,
            )
            observe(f"{what}: dropped")
    with step("The trust center sends a key probe under it", "answered"):
        answers_probe(tc)
