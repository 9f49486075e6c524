"""REG: a joined device is registered anew (075356 5.4.2.2.1, 5.4.5)."""

from lab.cases import case, step
from lab.judging import absent, answers_probe, holds, ignored, in_time
from lab.patterns import aps, reaction_to
from lab.units.exchange import complete


@case(
    "REG-04",
    clauses=["5.4.2.2.1", "5.4.5"],
    pics=["SEC-LKUPD", "SEC-CBKER"],
    dut=["joiner"],
    findings=["F-02", "F-29"],
)
def test_joiner_accepts_re_registration(tc, idle_responder, air):
    """Joiner accepts re-registration."""
    former = tc.link_key
    with step("The TC initiates key establishment, under NWK security only", "K2 in 60 s"):
        start, began = air.mark(), tc.bench.now()
        exchange = complete(tc)
        took = tc.bench.now() - began
        in_time(took <= 60, "an exchange within 60 s", f"{took:.1f} s")
        done = len(air.frames)
    with step("Key probe under K2, then under K1", "answered; silent"):
        answers_probe(tc)
        frame, sequence = tc.probe_frame(former)
        ignored(tc, lambda: tc.send_aps(frame), reaction_to(frame, sequence), during=5)
    with step("Look at what the device secured after the exchange", "all under K2"):
        others = aps().where(
            lambda packet: packet.aps.security and packet.aps_key != exchange.link_key,
            "under another link key",
        )
        absent(air, others, since=done)
        holds(air.find(aps().under_link_key(), since=start), "frames under K2", "frames under K2")
