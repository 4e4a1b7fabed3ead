"""The whole path with real parts: a chain, a model, an indexer, a gateway, the `openai` package.

demo
    every hop comes out right, and the report says so
stage
    given a hop that fails: it is in the report, and the rest does not run
"""

import json
from pathlib import Path

import pytest

from backend.cli.demo.report import Figures, HopFailed, Stage, require
from backend.cli.demo.run import HOPS, run_demo

PROMISED = {
    "deploy",
    "publish",
    "buy",
    "sign-in",
    "call",
    "stream",
    "refused-without-token",
    "settle",
    "claim",
    "stake-claim",
    "revoked-by-transfer",
    "reorg",
    "refund",
    "conservation",
    "audit",
}


class TestDemo:
    @pytest.mark.timeout(300)
    async def test_every_hop_comes_out_right(self, tmp_path: Path) -> None:
        path, lines = tmp_path / "report.json", list[str]()
        await run_demo(lines.append, path)
        report = json.loads(path.read_text())
        assert report["ok"] is True
        assert {hop["name"] for hop in report["hops"]} >= PROMISED
        assert all(hop["ok"] and hop["figures"] for hop in report["hops"])
        assert sum(line.startswith("ok") for line in lines) == len(HOPS)

    def test_hops_are_the_promised_ones(self) -> None:
        assert {name for name, _ in HOPS} >= PROMISED


class TestStage:
    async def test_failing_hop_is_reported(self, tmp_path: Path) -> None:
        lines = list[str]()
        stage = Stage(lines.append)

        async def fails() -> Figures:
            require(1 + 1 == 3, "three", found=2)
            return {}

        with pytest.raises(HopFailed, match="expected three; found found=2"):
            await stage.hop("adds", fails)
        stage.report.write(tmp_path / "report.json")
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["ok"] is False
        assert report["hops"][0]["name"] == "adds"
        assert lines[0].startswith("FAIL adds")

    def test_empty_report_is_not_ok(self) -> None:
        assert not Stage(lambda _: None).report.ok
