"""`python -m demos pendulum best`, on a coarse grid: the constants of the texts are computed."""

import json

import pytest
from PIL import Image

from demos.pendulum import best, machine
from demos.run import run

pytestmark = pytest.mark.demo


def test_the_constants_of_the_texts_are_found_again(tmp_path, monkeypatch, capsys):
    """A coarse grid misses a few of the best episodes, and never finds a better one than there is."""
    monkeypatch.setattr(best, "EVALUATED", range(20))
    monkeypatch.setattr(best, "SPREAD", (60, 20))
    flags = ["--angles", "100", "--torques", "5", "--starts", "100", "--quiet"]
    run(best.DEMO, [*flags, "--out", str(tmp_path)])
    result = json.loads((tmp_path / "result.json").read_text())
    got = result["result"]
    assert got["mean_return_in_gymnasium"] == pytest.approx(got["mean_return"], abs=1e-6)
    assert got["mean_return"] == pytest.approx(-127.09, abs=0.5)      # from the first 20 starts alone
    assert got["mean_return_everywhere"] == pytest.approx(machine.BEST_EVERYWHERE, abs=2.0)
    assert got["standard_error_everywhere"] < 2.0
    assert len(got["returns"]) == 20
    assert result["reference"]["mean_return"] == machine.BEST_EVALUATED
    assert result["budget"]["wall_seconds"] > 0
    assert "is what Gymnasium counts for the same episodes" in capsys.readouterr().out
    with Image.open(tmp_path / "best.png") as picture:
        assert picture.width == 1800
