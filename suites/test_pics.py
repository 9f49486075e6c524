"""PICS: what a device is said to implement, against what it shows over the air."""

from lab.cases import case, observe, should, step
from lab.interview import interview
from lab.registers.derivation import compare, rules


@case("PICS-01", clauses=["LAB-PICS"], level="should")
def test_claim_and_device_agree(tc, dut_in_service, air):
    """The PICS claims what the device shows by discovery, and nothing that it does not show.

    Who errs, the claim or the device, cannot be told from the air: a difference fails nobody.
    """
    with step("Ask for descriptors and attributes, and derive PICS items", "items are told"):
        shown = rules().derive(interview(tc, rules()), tc.bench.revision)
        observe(f"shown: {', '.join(item for item, there in shown.items() if there)}")
    with step("Compare with the claim, both ways", "what is claimed is there, and the reverse"):
        differences = compare(shown, dut_in_service.file.pics)
        for one in differences:
            should(False, one.claimed, one.seen)
        observe(f"{len(shown) - len(differences)} of {len(shown)} items agree")
