"""What is declared and not acted on yet is one table, and each line of it can be met."""

from pathlib import Path

from focusplane.define.load import load
from focusplane.define.not_yet import TABLE
from focusplane.define.problem import Severity


def test_every_section_of_the_contract_is_read_without_an_error(golden: Path) -> None:
    loaded = load({"whole.yaml": (golden / "whole.yaml").read_text()})
    assert {one.severity for one in loaded.problems} == {Severity.NOTICE}
    assert [one.code for one in loaded.problems] == ["D203", "D204", "D205", "D206"]


def test_what_is_not_acted_on_is_said_at_its_place(golden: Path) -> None:
    text = (
        (golden / "whole.yaml")
        .read_text()
        .replace("per: tenant.id", "per: user.id")
        .replace("{objective: availability, burn: 4}", "{breaker: psp}")
        .replace("{flag: new-pricing, set: off}", "{runbook: checkout-failing}")
    )
    loaded = load({"whole.yaml": text})
    said = {one.code for one in loaded.problems}
    assert not loaded.refused
    assert said == {entry.code for entry in TABLE} - {"D207"}
    assert all(one.line > 1 for one in loaded.problems)


def test_codes_are_never_used_twice() -> None:
    codes = [entry.code for entry in TABLE]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("D2") for code in codes)
