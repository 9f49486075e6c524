"""FA: the network channel manager (075356 5.8)."""

from contextlib import contextmanager

from lab.cases import case, observe, should, step
from lab.golden.frequency import FrequencyAgility
from lab.patterns import any_frame, zdp
from zigbee.aps import ApsFrame, ApsType
from zigbee.mac import MacFrame, MacType
from zigbee.nwk import BROADCAST_RX_ON, NwkFrame, NwkType
from zigbee.types import Eui64

MAX = 3600.0
REPORT_EVERY = 10.0
CHANGE_CHANNEL = 0xFE
TRUST_CENTER = 0x0000
#: A long frame of nobody to nobody: well-formed, so that only the time it takes is a burden.
NOBODY, PRIVATE_PROFILE = 0xFFFE, 0xC0FE
NOISE = MacFrame(
    MacType.DATA,
    0,
    dst_pan=0xFFFF,
    dst=NOBODY,
    src_pan=0xFFFF,
    src=NOBODY,
    payload=NwkFrame(
        NwkType.DATA,
        dst=NOBODY,
        src=NOBODY,
        radius=1,
        sequence=0,
        payload=ApsFrame(
            ApsType.DATA,
            counter=0,
            dst_endpoint=1,
            cluster=0,
            profile=PRIVATE_PROFILE,
            src_endpoint=1,
            payload=bytes(79),  # as ZCL: a read of 38 attributes
        ).to_bytes(),
    ).to_bytes(),
).to_bytes()
QUIET = Eui64(0x02A7C5FA00000001)


def announcement():
    """The manager's broadcast that the network moves."""
    return zdp("Mgmt_NWK_Update_req", ScanDuration=CHANGE_CHANNEL).to(BROADCAST_RX_ON)


def load(bench, channel):
    """Load the channel with frames of nobody, for about a tenth of a second."""

    async def speak():
        radio = bench.second_radio
        await radio.configure(channel=channel, pan=0xFFFE, short=0xFFFE, eui64=QUIET)
        for _ in range(20):
            await radio.transmit(NOISE, csma=False)

    bench.call(speak(), 10.0, "the second radio to load the channel")


def report(joiner, channel):
    """Tell the manager unasked of 50 transmissions and 30 failures."""
    joiner.do(
        joiner.node.zdo.send,
        "Mgmt_NWK_Update_rsp",
        TRUST_CENTER,
        sequence=0,
        Status=0,
        ScannedChannels=1 << channel,
        TotalTransmissions=50,
        TransmissionFailures=30,
        EnergyValues=[0xD0],
    )


def asked_to_move(joiner, air, start):
    """Report and load the channel until the manager announces another; gives that, or None."""
    bench, home = joiner.bench, joiner.node.mac.channel
    began, announced = bench.now(), None
    while announced is None and bench.now() - began < MAX:
        load(bench, home)
        report(joiner, home)
        announced = air.seek(announcement(), within=REPORT_EVERY, since=start)
    return announced


def beacon_heard(joiner, air):
    """Ask for beacons; gives one of the device, or None."""
    joiner.do(joiner.node.mac.request_beacons)
    beacon = any_frame().where(lambda packet: packet.beacon is not None, "beacon")
    return air.seek(beacon, within=5)


@contextmanager
def following(joiner, channel, home):
    """Golden unit and sniffer are on another channel than home within this block."""
    bench = joiner.bench
    try:
        bench.call(bench.sniffer.listen(channel), 10.0, "the sniffer to change its channel")
        joiner.do(joiner.node.mac.tune, channel=channel)
        yield
    finally:
        bench.call(bench.sniffer.listen(home), 10.0, "the sniffer to come back")
        joiner.do(joiner.node.mac.tune, channel=home)


@case(
    "FA-01",
    clauses=["5.8", "ZB-3.6.1"],
    pics="LL-FAMGR",
    dut=["tc"],
    level="should",
    needs=["radio", "second_radio", "sniffer"],
    findings=["F-39"],
    deadline=5000,
)
def test_the_channel_manager_moves_the_network(joiner, dut_in_service, air):
    """The network channel manager moves the network."""
    FrequencyAgility(joiner.node)
    start, home = air.mark(), joiner.node.mac.channel
    with step(
        "Golden router reports 30 failures of 50 transmissions again and again; the second "
        "radio loads the channel",
        "the manager announces another channel",
    ):
        announced = asked_to_move(joiner, air, start)
        moves = announced is not None
        should(moves, f"an announcement within {MAX:g} s", str(announced or "none"))
    with step("Follow", "a beacon on the announced channel"):
        if announced is None:
            stays = beacon_heard(joiner, air) is not None
            seen = f"{'a' if stays else 'no'} beacon on the channel of before"
            observe(seen)
            should(stays, "no move without an announcement", seen)
            return
        mask = announced.packet.zdp.fields["ScanChannels"]
        channel = mask.bit_length() - 1
        should(mask == 1 << channel != 1 << home, "one other channel", f"channel {channel}")
        joiner.bench.wait(12)
        with following(joiner, channel, home):
            there = beacon_heard(joiner, air)
            should(there is not None, f"a beacon on channel {channel}", str(there or "none"))
