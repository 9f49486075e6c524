"""SD: service discovery, asked and answered (075356 5.5.5.2, 053474 2.4)."""

from lab.cases import case, observe, step
from lab.judging import demand
from lab.patterns import aps, zcl, zdp
from lab.procedures import join
from zigbee import zcl as library

UNSUPPORTED_ATTRIBUTE = 0x86


def descriptor(tc, air):
    """The simple descriptor of the device's profile endpoint."""
    sequence = tc.ask("Simple_Desc_req", NWKAddrOfInterest=tc.device_short,
                      EndPoint=tc.dut_endpoint)
    heard = air.expect(zdp("Simple_Desc_rsp", Status=0).numbered(sequence), within=10)
    return heard.packet.zdp.fields["SimpleDescriptor"]


@case("SD-01", clauses=["5.5.5.2", "5.5.5"], pics=["COM-SD", "COM-BIND"], dut=["joiner"],
      deadline=8000)
def test_finds_the_esi_and_binds(tc, dut, air):
    """The device finds the ESI and binds."""
    with step("Join, and wait for the end of key establishment", "a link key"):
        join(tc, dut)
        done = air.expect(zcl("ConfirmKeyDataResponse"), within=3600, since=0, dut=False)
        observe("key establishment done")
    with step("Watch for 600 s, answering all ZDP queries", "a bind or a read for each server"):
        tc.bench.wait(600)
        clients = set(descriptor(tc, air)["OutputClusters"]) & set(tc.endpoint.servers) - {0x0800}
        demand(clients, "client clusters that the ESI serves", f"{sorted(clients)}")
        for cluster in sorted(clients):
            asked = [one for one in air.find(zdp("Match_Desc_req"), since=done.number)
                     if cluster in one.packet.zdp.fields["InClusterList"]]
            asked += air.find(zdp("Simple_Desc_req"), since=done.number)
            used = air.find(zdp("Bind_req", ClusterID=cluster), since=done.number)
            used += [one for one in air.find(aps().on(cluster), since=done.number)
                     if one.packet.aps_opened]
            demand(asked and used, f"discovery and use of {cluster:#06x}",
                   f"{cluster:#06x}: {len(asked)} discoveries, {len(used)} binds or reads")


@case("SD-06", clauses=["ZB-2.4", "6.1", "5.12"], pics="LL-PRO")
def test_answers_discovery_truthfully(tc, dut_in_service, air):
    """The device answers discovery truthfully."""
    with step("Node_Desc_req, Power_Desc_req, Active_EP_req", "status 0"):
        for name in ("Node_Desc", "Power_Desc", "Active_EP"):
            sequence = tc.ask(f"{name}_req", NWKAddrOfInterest=tc.device_short)
            air.expect(zdp(f"{name}_rsp", Status=0).numbered(sequence), within=10)
    with step("Match_Desc_req for each cluster of the simple descriptor and one more", "as listed"):
        listed = descriptor(tc, air)
        for cluster in (*listed["InputClusters"], 0x0B99):
            sequence = tc.ask("Match_Desc_req", NWKAddrOfInterest=tc.device_short,
                              ProfileID=0x0109, InClusterList=[cluster], OutClusterList=[])
            heard = air.expect(zdp("Match_Desc_rsp").numbered(sequence), within=10)
            found = heard.packet.zdp.fields.get("MatchList") or []
            wanted = [tc.dut_endpoint] if cluster in listed["InputClusters"] else []
            demand(found == wanted, f"{cluster:#06x} on {wanted}", f"{cluster:#06x} on {found}")
    with step("Read a mandatory attribute of each server cluster under the right key", "status 0"):
        for cluster in listed["InputClusters"]:
            definition = library.cluster(cluster)
            mandatory = [one for one in definition.attributes("server").values() if one.mandatory]
            attribute = mandatory[0].id if mandatory else 0x0000
            # a cluster that has no mandatory attribute still answers the read, with a status
            allowed = (0x00,) if mandatory else (0x00, UNSUPPORTED_ATTRIBUTE)
            sequence = tc.read(cluster, attribute)
            answer = zcl("ReadAttributesResponse").numbered(sequence)
            record = air.expect(answer, within=5).packet.command.fields["records"][0]
            demand(record.status in allowed, f"{cluster:#06x} answers with {allowed}",
                   f"{cluster:#06x}: status {record.status:#04x}")
