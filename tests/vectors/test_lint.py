"""The lint must notice what it is for: each defect below is put in, and must be named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest

import vectors
from vectors.__main__ import main
from vectors.lint import check_structure, lint
from vectors.recompute import RULES, recompute
from vectors.recompute.rule import Rule, Values

Json = dict[str, Any]
Edit = Callable[[Json, Json], object]
QUICK = ["aes128_block", "aes_ccm_star", "hmac_mmo", "install_code", "link_key_derivation"]
QUICK += ["zigbee_secured_frames", "spinel", "ash"]


def raw(name: str) -> Json:
    content: Json = json.loads(files("vectors").joinpath("data", f"{name}.json").read_text("utf-8"))
    return content


@pytest.mark.parametrize("name", [*QUICK, "aes_ccm", "aes_mmo_hash"])
def test_the_files_are_right(name: str) -> None:
    assert list(lint([name])) == []


def problems_of(content: Json, name: str = "install_code") -> str:
    return "\n".join(check_structure(name, content))


def change(edit: Edit, name: str = "install_code") -> str:
    content = raw(name)
    edit(content, content["testGroups"][0]["tests"][0])
    return problems_of(content, name)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda f, t: f.update(algorithm="other"), "algorithm is other"),
        (lambda f, t: f.update(numberOfTests=3), "numberOfTests is 3"),
        (lambda f, t: t.update(tcId=2), "case 2: the number is used twice"),
        (lambda f, t: t.update(flags=["Published", "Nonsense"]), "unknown flags Nonsense"),
        (lambda f, t: t.update(flags=["Published", "BadCrc"]), "valid with 1 flags for a fault"),
        (lambda f, t: t.update(flags=["Published", "PublishedCode"]), "one flag for its origin"),
        (lambda f, t: t.update(result="invalid"), "invalid with 0 flags for a fault"),
        (lambda f, t: t.update(code="83FED3407A93"), "code is not lower-case hex"),
        (lambda f, t: t.update(code="83fed3407"), "code has half an octet"),
        (lambda f, t: t.update(base=4711), "there is no case 4711"),
        (
            lambda f, t: f["flags"].update(Unused={"kind": "property", "description": "-"}),
            "no case has the flag Unused",
        ),
        (
            lambda f, t: f["testGroups"][0]["tests"].append(t | {"tcId": 99}),
            "case 99: the same as case 1",
        ),
    ],
)
def test_defects_of_form(edit: Edit, problem: str) -> None:
    assert problem in change(edit)


@pytest.mark.parametrize(
    "edit",
    [
        lambda f, t: f.pop("source"),
        lambda f, t: f.update(extra=1),
        lambda f, t: t.pop("linkKey"),
        lambda f, t: t.update(colour="red"),
        lambda f, t: t.update(linkKey="cd4fa064773f46941ec986c09963d1a"),
        lambda f, t: t.update(result="acceptable"),
        lambda f, t: f["testGroups"][0].update(type="Unheard"),
        lambda f, t: f["testGroups"][0].update(curve="sect163k1"),
        lambda f, t: f["flags"]["BadCrc"].update(kind="other"),
    ],
)
def test_the_schema_is_strict(edit: Edit) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("vectors").joinpath("schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    content = raw("install_code")
    assert validator.is_valid(content)
    edit(content, content["testGroups"][0]["tests"][0])
    assert not validator.is_valid(content)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Places of all values of a case that can be wrong."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif path[0] not in ("tcId", "comment", "flags", "result", "base", "foundIn", "sourceName"):
        yield path


def spoil(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, list):
        return [spoil(value[0]), *value[1:]] if value else ["00"]
    if value and set(value) <= set("0123456789abcdef"):
        return value[:-1] + f"{int(value[-1], 16) ^ 1:x}"
    return value + "00"


def spoilt(name: str, case: vectors.Case, path: tuple[str, ...]) -> vectors.VectorFile:
    """The file with that one value changed, and only that case in it."""
    content = copy.deepcopy(raw(name))
    for group in content["testGroups"]:
        for test in group["tests"]:
            if test["tcId"] == case.id:
                target = test
                for key in path[:-1]:
                    target = target[key]
                target[path[-1]] = spoil(target[path[-1]])
    file = vectors.from_json(content)
    # Others stay, as bases to compare with; only the spoilt one is computed again.
    file.tests[:] = [c if c.id == case.id else Unchecked(c) for c in file.tests]
    return file


class Unchecked(vectors.Case):
    """A case that is there for others and is not computed itself."""


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the rules skip the cases that were not changed, to save time."""
    for name, rule in RULES.items():

        def compute(file: vectors.VectorFile, case: vectors.Case, rule: Rule = rule) -> Values:
            return iter(()) if isinstance(case, Unchecked) else rule.compute(file, case)

        monkeypatch.setitem(RULES, name, type(rule)(rule.given, compute, rule.optional))


def noticed(name: str, case: vectors.Case, path: tuple[str, ...]) -> bool:
    return any(f"case {case.id}:" in line for line in recompute(spoilt(name, case, path)))


FREE = {  # values from which nothing follows
    "direction",  # who sends a Spinel frame
    "frameType",  # another is none of those that the schema allows
}
FREE_IN = {  # what one case leaves open
    ("aes_ccm_star", 5, "aad"),  # level 4 authenticates nothing
    ("spinel", 76, "chunks"),  # fill without a frame, and other fill
    ("ash", 42, "wire"),  # a wrong CRC, and another wrong one
}


@pytest.mark.parametrize("name", QUICK)
def test_no_value_can_be_wrong_unnoticed(name: str, one_at_a_time: None) -> None:
    unnoticed = []
    chosen: dict[tuple[str, ...], vectors.Case] = {}
    for case in vectors.load(name).tests:  # one of each group type, result and fault
        chosen.setdefault((case["type"], *case.flags), case)
    for case in chosen.values():
        own = {key: case[key] for key in case if key not in parameters(name)}
        for path in leaves(own):
            place = (name, case.id, ".".join(path))
            free = path[0] in FREE or place in FREE_IN
            if not free and not noticed(name, case, path):
                unnoticed.append(place)
    assert unnoticed == []


def parameters(name: str) -> set[str]:
    groups = vectors.load(name).groups
    return {key for group in groups for key in group} | {"type"}


@pytest.mark.parametrize(
    ("name", "number", "path"),
    [
        ("sec2_curves", 5, "publicY"),
        ("sec2_curves", 49, "publicX"),
        ("sec2_curves", 1041, "point"),
        ("ecqv_certificate", 1, "publicKey"),
        ("ecqv_certificate", 1, "certificate"),
        ("ecqv_certificate", 1, "privateKey"),
        ("ecqv_certificate", 1055, "senderIeeeAddress"),
        ("cbke_suite1", 1, "sharedSecretZ"),
        ("cbke_suite1", 1, "initiator.staticPrivateKey"),
        ("cbke_suite1", 1, "responder.ephemeralPublicKey"),
        ("cbke_suite1", 1077, "receivedMacU"),
        ("cbke_suite1", 1070, "rightMacU"),
        ("ecdsa", 2, "signatureS"),
        ("ecdsa", 1, "otaFile"),
        ("ecdsa", 1, "signedLength"),
        ("ecdsa", 63, "digest"),
    ],
)
def test_wrong_values_of_curves_are_noticed(
    name: str, number: int, path: str, one_at_a_time: None
) -> None:
    file = vectors.load(name)
    case = file.case(number)
    assert noticed(name, case, tuple(path.split(".")))


def test_a_value_that_no_rule_knows_is_reported() -> None:
    content = raw("hmac_mmo")
    content["testGroups"][0]["tests"][0]["novelty"] = "00"
    lines = list(recompute(vectors.from_json(content)))
    assert lines == ["hmac_mmo case 1: nothing recomputes novelty"]


def test_a_missing_value_is_reported() -> None:
    content = raw("hmac_mmo")
    del content["testGroups"][0]["tests"][0]["mac"]
    (line,) = recompute(vectors.from_json(content))
    assert line.startswith("hmac_mmo case 1: mac is missing, computed ")


def test_wrong_domain_parameters_are_reported() -> None:
    content = raw("sec2_curves")
    content["testGroups"] = [dict(content["testGroups"][0], tests=[])]
    content["curves"]["sect163k1"]["cofactor"] = 4
    lines = list(recompute(vectors.from_json(content)))
    assert lines == ["sec2_curves: it is not so that sect163k1: cofactor is 2"]


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "hmac_mmo", "aes128_block"]) == 0
    assert "2 files, 8 cases, 0 problems" in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "cbke_suite2" in capsys.readouterr().out


def test_the_command_with_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["lint", "nothing"])
    assert stop.value.code == 2
    assert "no vectors named 'nothing'" in capsys.readouterr().err
