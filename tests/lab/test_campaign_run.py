"""What pytest makes of cases: verdicts, records, exit codes, selection. The bench is a fake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from drivers.errors import BenchFault
from lab import bench as benches
from lab.judge import is_by_claim
from lab.verdicts import Inconclusive
from reports.campaign import INCONCLUSIVE_EXIT

pytest_plugins = ["pytester"]
HEAD = """
from __future__ import annotations
import pytest
from drivers.errors import BenchFault, NoAnswer
from lab.cases import case, observe, should, step, weakness
from lab.registers.facts import fact
from lab.verdicts import Inconclusive, NotApplicable, Violation
"""
PASSING = """
@case("{id}", clauses=["{clause}"])
def test_{name}():
    '''It does.'''
    with step("look", expect="something") as look:
        look.observed = "something"
"""


class FakeBench:
    """Stands in for lab.bench.Bench: no equipment, and faults to order."""

    made: ClassVar[list[FakeBench]] = []
    open_fault: BenchFault | None = None
    unsound: Inconclusive | None = None
    recovers = True
    safe = True

    def __init__(self, file: Any, dut_file: Any, **settings: Any) -> None:
        self.file, self.dut_file, self.settings = file, dut_file, settings
        self.air = self.supply = None
        self.gone: str | None = None
        self.faults: list[str] = []
        self.generation = 0
        self.recoveries = 0
        self.closed = False
        self.loop = SimpleNamespace(interrupt=lambda reason: False)
        self.began: list[tuple[str, float]] = []
        FakeBench.made.append(self)

    def open(self) -> None:
        if FakeBench.open_fault is not None:
            raise FakeBench.open_fault

    def begin_case(self, case_id: str, deadline: float) -> None:
        self.began.append((case_id, deadline))

    def end_case(self) -> None:
        pass

    def now(self) -> float:
        return 10.0 * len(self.began)

    def vouch(self) -> None:
        if FakeBench.unsound is not None:
            raise FakeBench.unsound

    def recover(self) -> bool:
        self.recoveries += 1
        self.gone = None if FakeBench.recovers else "rcp: went away"
        return FakeBench.recovers

    def journal_texts(self) -> dict[str, str]:
        return {"console": "hello\n"}

    def close(self) -> bool:
        self.closed = True
        return FakeBench.safe


class Outcome:
    """A finished campaign, as people and files see it."""

    def __init__(self, result: pytest.RunResult, folder: Path) -> None:
        self.code = result.ret
        self.text = result.stdout.str()
        self.errors = result.stderr.str()
        self.folder = folder
        lines = (folder / "verdicts.jsonl").read_text().splitlines() if folder.exists() else []
        self.records = {one["id"]: one for one in map(json.loads, lines)}

    def verdicts(self) -> dict[str, str]:
        return {case: record["verdict"] for case, record in self.records.items()}


Runner = Callable[..., Outcome]


@pytest.fixture
def campaign(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runner:
    for name, value in (("made", []), ("open_fault", None), ("unsound", None)):
        monkeypatch.setattr(FakeBench, name, value)
    for name in ("recovers", "safe"):
        monkeypatch.setattr(FakeBench, name, True)
    monkeypatch.setattr(benches, "Bench", FakeBench)

    def run(body: str, *arguments: str, name: str = "test_it.py") -> Outcome:
        pytester.path.joinpath(name).write_text(HEAD + body)
        folder = pytester.path / "out"
        result = pytester.runpytest_inprocess(
            "-p",
            "conftest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:hypothesispytest",
            "--import-mode=importlib",
            "--campaign",
            str(folder),
            *arguments,
            no_reraise_ctrlc=True,
        )
        return Outcome(result, folder)

    return run


def body(code: str, decorator: str = 'clauses=["C.2"]') -> str:
    lines = "\n".join(f"    {line}" for line in code.strip().splitlines())
    return f'\n@case("X-01", {decorator})\ndef test_it():\n    """It does."""\n{lines}\n'


def test_a_case_that_saw_all_its_steps_passes(campaign: Runner) -> None:
    outcome = campaign(PASSING.format(id="X-01", clause="C.2", name="it"))
    assert (outcome.code, outcome.verdicts()) == (0, {"X-01": "pass"})
    record = outcome.records["X-01"]
    assert record["clauses"] == ["SE-C.2"]
    assert record["steps"][0]["observed"] == "something"
    assert (outcome.folder / record["evidence"] / "verdict.json").is_file()
    assert (outcome.folder / record["evidence"] / "console.log").read_text() == "hello\n"
    assert record["rerun"] == "pytest suites --bench virtual -k X-01"


def test_a_violation_of_a_shall_fails_and_says_all(campaign: Runner) -> None:
    code = 'with step("probe", expect="silence"):\n    raise Violation("silence", "an answer")'
    outcome = campaign(body(code), "--seed", "7", "--bench", "virtual")
    assert (outcome.code, outcome.verdicts()) == (1, {"X-01": "fail"})
    for said in (
        "FAIL: It does.",
        "clause:    SE-C.2",
        "step:      probe",
        "expected:  silence",
        "observed:  an answer",
        f"evidence:  {outcome.folder}/evidence/X-01",
        "repeat:    pytest suites --bench virtual --seed 7 -k X-01",
    ):
        assert said in outcome.text
    assert FakeBench.made[0].settings["seed"] == 7


def test_a_violation_on_a_bench_that_is_not_sound_is_inconclusive(
    campaign: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeBench, "unsound", Inconclusive("bench: rcp: no answer"))
    outcome = campaign(body('raise Violation("a", "b")'))
    assert (outcome.code, outcome.verdicts()) == (INCONCLUSIVE_EXIT, {"X-01": "inconclusive"})
    assert "bench: rcp: no answer" in outcome.records["X-01"]["reason"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ('observe("silence")', "what was seen does not count"),
        ("raise Inconclusive('no beacon')", "no beacon"),
        ("assert 1 == 2", "error of the harness"),
    ],
)
def test_nothing_counts_on_a_bench_that_is_not_sound(
    campaign: Runner, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    monkeypatch.setattr(FakeBench, "unsound", Inconclusive("bench: sniffer: no answer"))
    outcome = campaign(body(code) + PASSING.format(id="X-02", clause="C.2", name="b"))
    assert outcome.code == INCONCLUSIVE_EXIT
    assert outcome.records["X-01"]["reason"].startswith(f"bench: sniffer: no answer; {said}")
    assert FakeBench.made[0].recoveries == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("assert 1 == 2", "error of the harness (test_it.py:"),
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("pytest.fail('no')", "Failed: no"),
        ("raise NoAnswer('rcp', 'silent')", "bench: rcp: silent"),
        ("raise Inconclusive('no beacon')", "no beacon"),
        ("observe('something')\nif 0:\n    with step('skipped'):\n        pass", "'skipped'"),
        ("with step('blind'):\n    pass", "nothing was observed"),
    ],
)
def test_whatever_else_goes_wrong_is_inconclusive(campaign: Runner, code: str, reason: str) -> None:
    outcome = campaign(body(code))
    assert (outcome.code, outcome.verdicts()) == (INCONCLUSIVE_EXIT, {"X-01": "inconclusive"})
    assert reason in outcome.records["X-01"]["reason"]
    assert "1 inconclusive" in outcome.text
    assert "failed" not in outcome.text


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("raise Violation('joined', 'did not join'); yield", "precondition not reached: expected"),
        ("raise BenchFault('rcp', 'gone'); yield", "before the case: bench: rcp: gone"),
        ("yield; raise Violation('quiet', 'noise')", "after the case: expected quiet"),
        ("yield; raise OSError('boom')", "after the case: error of the harness"),
    ],
)
def test_fixtures_never_fail_a_device(campaign: Runner, where: str, reason: str) -> None:
    code = (
        f"@pytest.fixture\ndef ready():\n    {where}\n"
        '@case("X-01", clauses=["C.2"])\ndef test_it(ready):\n    observe("all")\n'
    )
    outcome = campaign(code)
    assert (outcome.code, outcome.verdicts()) == (INCONCLUSIVE_EXIT, {"X-01": "inconclusive"})
    assert outcome.records["X-01"]["reason"].startswith(reason)


def test_a_fail_stays_a_fail_when_the_clean_up_goes_wrong(campaign: Runner) -> None:
    code = (
        "@pytest.fixture\ndef ready():\n    yield; raise OSError('boom')\n"
        '@case("X-01", clauses=["C.2"])\ndef test_it(ready):\n    raise Violation("a", "b")\n'
    )
    outcome = campaign(code)
    assert (outcome.code, outcome.verdicts()) == (1, {"X-01": "fail"})
    assert "boom" in outcome.records["X-01"]["remarks"][0]


@pytest.mark.parametrize(
    ("decorator", "reason", "by_claim"),
    [
        ('clauses=["C.2"], pics="PRI-S"', "PICS: PRI-S is false", True),
        ('clauses=["C.2"], pics="OTA-DG"', "PICS: OTA-DG is absent", False),
        ('clauses=["C.2"], dut=("esi",)', "role: the case is for esi", True),
        ('clauses=["C.2"], needs=("supply.trace",)', "needs: the bench has no supply.trace", False),
        ('clauses=["C.2"], revision="1.0"', "revision: the case is for 1.0", True),
    ],
)
def test_what_does_not_apply_is_not_run(
    campaign: Runner, decorator: str, reason: str, by_claim: bool
) -> None:
    outcome = campaign(body('raise Violation("a", "b")', decorator), "-rs")
    assert (outcome.code, outcome.verdicts()) == (0, {"X-01": "not applicable"})
    assert outcome.records["X-01"]["reason"].startswith(reason)
    assert is_by_claim(outcome.records["X-01"]["reason"]) == by_claim
    assert FakeBench.made == []
    assert reason in outcome.text


def test_a_case_may_find_that_it_does_not_apply(campaign: Runner) -> None:
    outcome = campaign(body('raise NotApplicable("DUT has no console action leave")'))
    assert (outcome.code, outcome.verdicts()) == (0, {"X-01": "not applicable"})


@pytest.mark.parametrize(
    ("level", "key"), [("should", "missed"), ("may", "unsettled"), ("report", "unsettled")]
)
def test_only_a_shall_fails(campaign: Runner, level: str, key: str) -> None:
    code = 'with step("rate"):\n    raise Violation("at most 3", "5")'
    outcome = campaign(body(code, f'clauses=["C.2"], level="{level}"'))
    assert (outcome.code, outcome.verdicts()) == (0, {"X-01": "pass"})
    record = outcome.records["X-01"]
    said = "expected at most 3; observed 5"
    assert said in record["remarks"][0] and said in record["reason"]
    keys = ("missed", "exposures", "cleared", "unsettled")
    assert {one: record[one] for one in keys if record[one]} == {key: [said]}
    assert record["level"] == level


@pytest.mark.parametrize(("present", "exposures"), [("True", ["a leak: seen"]), ("False", [])])
def test_a_weakness_changes_no_verdict(
    campaign: Runner, present: str, exposures: list[str]
) -> None:
    outcome = campaign(body(f'weakness({present}, "a leak", "seen")', 'clauses=["C.2"]'))
    assert (outcome.code, outcome.verdicts()) == (0, {"X-01": "pass"})
    assert outcome.records["X-01"]["exposures"] == exposures


def test_a_missed_recommendation_that_cuts_a_case_short_decides_nothing(campaign: Runner) -> None:
    code = 'with step("a"):\n    raise Violation("x", "y")\nwith step("b"):\n    pass'
    outcome = campaign(body(code, 'clauses=["C.2"], level="should"'))
    assert outcome.verdicts() == {"X-01": "inconclusive"}


def test_a_case_of_a_duty_that_is_none_does_not_apply(campaign: Runner) -> None:
    code = body("pass", 'clauses=["C.2"], facts=["startup.use_insecure_join"]')
    outcome = campaign(code)
    assert (outcome.code, outcome.verdicts()) == (0, {"X-01": "not applicable"})
    assert "startup.use_insecure_join is false" in outcome.records["X-01"]["reason"]
    assert "startup.use_insecure_join = false" in campaign(code, "--why", "X-01").text


def test_a_failure_rests_on_the_facts_of_its_own_step(campaign: Runner) -> None:
    code = 'with step("a"):\n    fact("join.scan_attempts")\nwith step("b"):\n    '
    certain = campaign(body(code + 'raise Violation("x", "y")', 'clauses=["C.2"]'))
    assert certain.verdicts() == {"X-01": "fail"}
    code += 'fact("channels.preferred")\n    raise Violation("x", "y")'
    doubtful = campaign(body(code, 'clauses=["C.2"]'))
    assert doubtful.verdicts() == {"X-01": "inconclusive"}
    assert "channels.preferred" in doubtful.records["X-01"]["reason"]
    assert "join.scan_attempts" not in doubtful.records["X-01"]["reason"]


def test_an_unconfirmed_fact_cannot_fail_a_device(campaign: Runner) -> None:
    code = body('fact("join.scan_attempts")\nraise Violation("3 scans", "9")')
    outcome = campaign(code)
    assert outcome.verdicts() == {"X-01": "inconclusive"}
    assert "join.scan_attempts = 3" in outcome.records["X-01"]["reason"]
    outcome = campaign(code, "--assume-facts")
    assert outcome.verdicts() == {"X-01": "fail"}
    assert "assumed: join.scan_attempts = 3" in outcome.records["X-01"]["remarks"][0]
    assert outcome.records["X-01"]["rerun"].endswith("--assume-facts -k X-01")


def test_fail_outweighs_inconclusive_in_the_exit_code(campaign: Runner) -> None:
    code = (
        '@case("X-01", clauses=["C.2"])\ndef test_a():\n    raise Violation("a", "b")\n'
        '@case("X-02", clauses=["C.2"])\ndef test_b():\n    raise Inconclusive("c")\n'
    )
    assert campaign(code).code == 1


def test_after_a_fault_of_the_bench_the_next_case_runs_on_a_bench_brought_back(
    campaign: Runner,
) -> None:
    code = (
        '@case("X-01", clauses=["C.2"])\ndef test_a():\n    raise BenchFault("rcp", "reset")\n'
        + PASSING.format(id="X-02", clause="C.2", name="b")
    )
    outcome = campaign(code)
    assert outcome.verdicts() == {"X-01": "inconclusive", "X-02": "pass"}
    assert FakeBench.made[0].recoveries == 1


def test_a_bench_that_does_not_come_back_ends_the_device_cases_at_once(
    campaign: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeBench, "recovers", False)
    code = '@case("X-01", clauses=["C.2"])\ndef test_a():\n    raise BenchFault("rcp", "reset")\n'
    for number in (2, 3):
        code += PASSING.format(id=f"X-0{number}", clause="C.2", name=f"b{number}")
    outcome = campaign(code)
    assert set(outcome.verdicts().values()) == {"inconclusive"}
    for case_id in ("X-02", "X-03"):
        assert outcome.records[case_id]["reason"].endswith(
            "not run: bench 'virtual' gone: rcp: went away"
        )
    assert FakeBench.made[0].recoveries == 1


def test_a_bench_that_does_not_open_is_tried_once(
    campaign: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeBench, "open_fault", BenchFault("port /dev/x", "cannot be opened"))
    code = PASSING.format(id="X-01", clause="C.2", name="a")
    outcome = campaign(code + PASSING.format(id="X-02", clause="C.2", name="b"))
    assert outcome.code == INCONCLUSIVE_EXIT
    assert "port /dev/x: cannot be opened" in outcome.records["X-01"]["reason"]
    assert "not run: bench 'virtual' could not be opened" in outcome.records["X-02"]["reason"]
    assert len(FakeBench.made) == 1


def test_a_supply_not_shown_to_be_off_is_told_loudly_and_kept(
    campaign: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeBench, "safe", False)
    outcome = campaign(PASSING.format(id="X-01", clause="C.2", name="a"))
    assert outcome.verdicts() == {"X-01": "pass"}
    assert outcome.code == INCONCLUSIVE_EXIT
    assert "NOT SHOWN TO BE OFF" in outcome.text
    assert (
        "NOT SHOWN TO BE OFF"
        in json.loads((outcome.folder / "campaign.json").read_text())["alarms"][0]
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (body("pass", 'clauses=["5.4.8.9"]'), "unknown clause '5.4.8.9'"),
        (body('with step("a" + "b"):\n    pass'), "must be a literal"),
        (body("pass", 'clauses=["C.2"], facts=["join.nothing"]'), "unknown fact 'join.nothing'"),
        (body('fact("join.nothing")'), "unknown fact 'join.nothing'"),
        (body("pass", 'clauses=["C.2"], facts=["join.scan_attempts"]'), "is a value"),
        (body("pass") + body("pass").replace("test_it", "test_other"), "id X-01 is that of"),
    ],
)
def test_a_case_that_is_written_wrongly_is_a_usage_error(
    campaign: Runner, code: str, says: str
) -> None:
    outcome = campaign(code)
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert says in outcome.text + outcome.errors
    assert "Traceback" not in outcome.text + outcome.errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--bench", "nowhere"], "no bench of the name 'nowhere'"),
        (["--dut", "nowhere.toml"], "nowhere.toml: no such DUT file"),
        (["--clause", "9.9"], "--clause: unknown clause '9.9'"),
        (["--defect", "NOT-1"], "--defect: no defect 'NOT-1'"),
        (["--defect", "json:loads"], "--defect: 'json:loads' is not derived from"),
        (["--bench", "real.toml", "--dut", "ipd"], "radio.url: there is no port /dev/nothing"),
    ],
)
def test_options_that_are_wrong_are_usage_errors(
    campaign: Runner, pytester: pytest.Pytester, arguments: list[str], says: str
) -> None:
    pytester.path.joinpath("real.toml").write_text('name = "r"\n[radio]\nurl = "/dev/nothing"\n')
    outcome = campaign(PASSING.format(id="X-01", clause="C.2", name="a"), *arguments)
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert says in outcome.text + outcome.errors
    assert "Traceback" not in outcome.text + outcome.errors


def test_a_device_that_wants_more_than_the_bench_can_bear_is_refused(
    campaign: Runner, pytester: pytest.Pytester
) -> None:
    wants = "[supply]\nvoltage = 12\novp = 13\ncurrent_limit = 0.5\n"
    pytester.path.joinpath("d.toml").write_text(f'name = "d"\n[pics]\n{wants}')
    outcome = campaign(PASSING.format(id="X-01", clause="C.2", name="a"), "--dut", "d.toml")
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "d.toml: supply.ovp: 13 is more than bench 'virtual'" in outcome.text + outcome.errors


def test_without_a_pics_no_device_case_runs(campaign: Runner, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("d.toml").write_text('name = "d"\n')
    outcome = campaign(PASSING.format(id="X-01", clause="C.2", name="a"), "--dut", "d.toml")
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "there is no [pics] table" in outcome.text + outcome.errors
    assert FakeBench.made == []


def test_why_explains_and_runs_nothing(campaign: Runner, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("d.toml").write_text('name = "d"\n')
    code = body('raise Violation("a", "b")', 'clauses=["C.2"], pics="PRI-C"')
    outcome = campaign(code, "--dut", "d.toml", "--why", "X-01")
    assert (outcome.code, outcome.records) == (pytest.ExitCode.OK, {})
    assert "=> refused: DUT file 'd' has no [pics] table" in outcome.text
    assert campaign(code, "--why", "X-02").code == pytest.ExitCode.USAGE_ERROR
    assert "=> selected" in campaign(code, "--why", "X-01").text
    assert FakeBench.made == []


def test_what_the_pics_leaves_open_is_told_at_the_end(campaign: Runner) -> None:
    outcome = campaign(body("pass", 'clauses=["C.2"], pics="OTA-DG"'))
    assert outcome.verdicts() == {"X-01": "not applicable"}
    assert "the PICS does not say whether OTA-DG: X-01 did not apply for it" in outcome.text


THREE = (
    PASSING.format(id="AB-01", clause="5.4.8.1", name="a")
    + PASSING.format(id="AB-02", clause="5.4.8.1.2", name="b")
    + PASSING.format(id="CD-01", clause="C.3.1.2.2", name="c")
    + PASSING.format(id="CD-02", clause="C.3.1.3", name="d")
)


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (["-k", "5.4.8.1"], ["AB-01", "AB-02"]),
        (["-k", "SE-5.4.8.1.2"], ["AB-02"]),
        (["-k", "C.3"], ["CD-01", "CD-02"]),
        (["-k", "C.3 and not 1.2"], ["CD-02"]),
        (["-k", "AB-02"], ["AB-02"]),
        (["-k", "cd_01"], ["CD-01"]),
        (["--clause", "5.4.8.1"], ["AB-01", "AB-02"]),
        (["--clause", "5.4.8.1.2", "--clause", "C.3.1.3"], ["AB-02", "CD-02"]),
        (["--clause", "C.3"], ["CD-01", "CD-02"]),
    ],
)
def test_selection_by_clause_and_case(
    campaign: Runner, arguments: list[str], chosen: list[str]
) -> None:
    outcome = campaign(THREE, *arguments)
    assert sorted(outcome.records) == chosen
    assert json.loads((outcome.folder / "selected.json").read_text()) == chosen


def test_vector_cases_need_no_bench(campaign: Runner) -> None:
    code = (
        'ALGORITHM = "aes"\nCLAUSES = ["ZB-B.6"]\n'
        '@pytest.mark.parametrize("n", [1, 2, 3], ids=["1", "2", "3"])\n'
        "def test_v(n):\n"
        '    if n == 2:\n        raise Violation("aa", "ab")\n'
        "    if n == 3:\n        raise ValueError(n)\n"
    )
    outcome = campaign(code)
    assert outcome.code == 1
    assert outcome.verdicts() == {
        "VEC-aes-1": "pass",
        "VEC-aes-2": "fail",
        "VEC-aes-3": "inconclusive",
    }
    assert FakeBench.made == []
    assert outcome.records["VEC-aes-1"]["kind"] == "vector"


def test_an_interruption_keeps_what_was_recorded_and_names_what_did_not_run(
    campaign: Runner,
) -> None:
    code = (
        PASSING.format(id="X-01", clause="C.2", name="a")
        + '@case("X-02", clauses=["C.2"])\ndef test_b():\n'
        '    with step("wait"):\n        raise KeyboardInterrupt("SIGTERM")\n'
        + PASSING.format(id="X-03", clause="C.2", name="c")
    )
    outcome = campaign(code)
    assert outcome.code == pytest.ExitCode.INTERRUPTED
    assert outcome.verdicts() == {"X-01": "pass", "X-02": "inconclusive"}
    assert outcome.records["X-02"]["reason"] == "interrupted by SIGTERM in step 'wait'"
    assert FakeBench.made[0].closed


def test_allure_statuses_follow_the_verdicts(campaign: Runner) -> None:
    code = (
        '@case("X-01", clauses=["C.2"])\ndef test_a():\n    raise Violation("a", "b")\n'
        '@case("X-02", clauses=["C.2"])\ndef test_b():\n    assert 0\n'
        '@case("X-03", clauses=["C.2"], pics="PRI-S")\ndef test_c():\n    pass\n'
        + PASSING.format(id="X-04", clause="C.2", name="d")
    )
    outcome = campaign(code)
    found = {}
    for path in (outcome.folder / "allure-results").glob("*-result.json"):
        data = json.loads(path.read_text())
        labels = {label["name"]: label["value"] for label in data["labels"]}
        found[labels["case"]] = data["status"]
    assert found == {"X-01": "failed", "X-02": "broken", "X-03": "skipped", "X-04": "passed"}
