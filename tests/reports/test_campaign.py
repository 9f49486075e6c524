"""The campaign folder: nothing is lost, nothing is guessed, nothing shares a place."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.verdicts import CaseRecord, Verdict
from reports.campaign import Campaign, CampaignError, CaseInfo, safe_name


def a_record(case: str, verdict: str = "pass") -> CaseRecord:
    return CaseRecord(case, f"Title of {case}", ["SE-5.1"], Verdict(verdict))


def test_the_selection_is_written_before_the_first_case(tmp_path: Path) -> None:
    campaign = Campaign.open(
        tmp_path / "run", bench="b1", selected=[CaseInfo("A-01", "t", ["SE-5.1"]), "A-02"]
    )
    assert json.loads((tmp_path / "run/selected.json").read_text()) == ["A-01", "A-02"]
    summary = campaign.summary()
    assert summary.not_run == ["A-01", "A-02"]
    assert summary.exit_code() == 6
    assert campaign.header().bench == "b1"
    assert campaign.header().cases[0].clauses == ["SE-5.1"]


def test_a_record_is_one_line_and_names_its_evidence(tmp_path: Path) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["TP/SEC/BV-24-I"])
    folder = campaign.case_folder("TP/SEC/BV-24-I")
    assert folder.is_dir() and folder.name == "TP-SEC-BV-24-I"
    campaign.record(a_record("TP/SEC/BV-24-I"))
    (line,) = (tmp_path / "run/verdicts.jsonl").read_text().splitlines()
    data = json.loads(line)
    assert data["id"] == "TP/SEC/BV-24-I" and data["verdict"] == "pass"
    assert (tmp_path / "run" / data["evidence"]) == folder


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["pass", "not applicable"], 0),
        (["not applicable", "not applicable"], 0),
        (["pass", "inconclusive"], 6),
        (["fail", "inconclusive"], 1),
        (["pass", "fail"], 1),
        (["pass"], 6),
        ([], 6),
    ],
)
def test_exit_codes(tmp_path: Path, verdicts: list[str], code: int) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A", "B"])
    for case, verdict in zip(["A", "B"], verdicts, strict=False):
        campaign.record(a_record(case, verdict))
    assert campaign.finish().exit_code() == code


def test_a_campaign_of_nothing_decided_nothing(tmp_path: Path) -> None:
    assert Campaign.open(tmp_path / "run", selected=[]).finish().exit_code() == 6


def test_a_second_record_of_a_case_hides_nothing(tmp_path: Path) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A"])
    campaign.record(a_record("A", "fail"))
    campaign.record(a_record("A", "pass"))
    summary = campaign.summary()
    assert summary.by_case == {"A": Verdict.FAIL}
    assert summary.counts[Verdict.PASS] == 0


def test_a_torn_line_is_reported_and_costs_only_its_case(tmp_path: Path) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A", "B", "C"])
    campaign.record(a_record("A"))
    with (tmp_path / "run/verdicts.jsonl").open("ab") as file:
        file.write(b'{"id": "B", "tit')
    campaign.record(a_record("C"))
    summary = campaign.summary()
    assert [record.id for record in summary.records] == ["A", "C"]
    assert summary.not_run == ["B"]
    assert len(summary.damaged) == 1 and "line 2" in summary.damaged[0]
    assert summary.exit_code() == 6


def test_a_killed_run_keeps_what_was_recorded(tmp_path: Path) -> None:
    program = (
        "import sys, os\n"
        "from lab.verdicts import CaseRecord, Verdict\n"
        "from reports.campaign import Campaign\n"
        "campaign = Campaign.open(sys.argv[1], selected=['A', 'B'])\n"
        "campaign.record(CaseRecord('A', 't', [], Verdict.PASS))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    summary = Campaign.join(tmp_path / "run").summary()
    assert [record.id for record in summary.records] == ["A"]
    assert summary.not_run == ["B"]


def test_an_earlier_campaign_is_kept(tmp_path: Path) -> None:
    for verdict in ("fail", "pass", "inconclusive"):
        campaign = Campaign.open(tmp_path / "run", selected=["A"])
        campaign.record(a_record("A", verdict))
    kept = {
        name: Campaign.join(tmp_path / name).summary().by_case["A"] for name in ("run.1", "run.2")
    }
    assert kept == {"run.1": Verdict.FAIL, "run.2": Verdict.PASS}
    assert Campaign.join(tmp_path / "run").summary().by_case["A"] is Verdict.INCONCLUSIVE


def test_latest_leads_to_the_newest(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Campaign.open(tmp_path / name, selected=["A"])
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "latest").resolve() == (tmp_path / "two").resolve()


def test_a_real_folder_named_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    Campaign.open(tmp_path / "one", selected=["A"])
    assert not (tmp_path / "latest").is_symlink()


def test_attempts_keep_their_evidence_apart(tmp_path: Path) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A"])
    (campaign.case_folder("A") / "capture.pcapng").write_text("first")
    (campaign.case_folder("A", attempt=2) / "capture.pcapng").write_text("second")
    folder = campaign.case_folder("A", attempt=2)
    assert (folder / "capture.pcapng").read_text() == "second"
    assert (folder / "attempt-1/capture.pcapng").read_text() == "first"


@pytest.mark.parametrize("case", ["../../etc/passwd", "..", "/", "a b\nc", "x" * 300, "é[1-\x1b]"])
def test_a_case_id_never_leaves_the_evidence_folder(tmp_path: Path, case: str) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=[case])
    assert campaign.case_folder(case).parent == tmp_path / "run/evidence"
    assert len(safe_name(case)) <= 100


def test_two_cases_never_share_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="'A/1' and 'A-1' would share"):
        Campaign.open(tmp_path / "run", selected=["A/1", "A-1"])


def test_a_folder_that_is_no_campaign_is_named(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"selected\.json is missing"):
        Campaign.join(tmp_path)
    with pytest.raises(CampaignError, match="is this a campaign folder"):
        Campaign(tmp_path).summary()


def test_update_refuses_what_the_header_does_not_have(tmp_path: Path) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A"])
    campaign.update(dut={"eui64": "00"}, ended="2026-01-01T00:00:00Z")
    assert campaign.header().dut == {"eui64": "00"}
    with pytest.raises(TypeError, match="colour"):
        campaign.update(colour="red")
