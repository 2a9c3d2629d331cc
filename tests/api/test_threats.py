"""docs/THREATS.md against the tests it names."""
import re

import pytest

from conftest import ROOT

ROWS = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs/THREATS.md").read_text(), re.M)


def test_every_attack_has_its_row():
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 114))


@pytest.mark.parametrize("number, attack, shown", ROWS, ids=[r[0] for r in ROWS])
def test_the_tests_named_exist(number, attack, shown):
    named = re.findall(r"`([\w/.]+)::(\w+)`", shown)
    assert named or shown.startswith("not yet")
    for file, test in named:
        path = ROOT / (file if "/" in file else f"tests/api/{file}")
        text = path.read_text()
        assert f"def {test}(" in text or (f"void {test}(" in text and f"RUN({test})" in text), f"{file}::{test}"
