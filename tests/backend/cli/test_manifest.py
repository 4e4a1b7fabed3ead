"""`service.toml` is read strictly.

read_manifest
    given no file, or no TOML: it says so
    given mistakes: each is named with its line
    given a good file: its values
base_units
    exact, or refused
"""

from pathlib import Path

import pytest

from backend.cli.manifest import base_units, read_manifest
from backend.core.errors import Unprocessable

GOOD = """\
[service]
name = "SmolLM2 135M"
slug = "smollm2"

[[plan]]
name = "Monthly"
kind = "timed"
currency = "tUSD"
price = "9.99"
period = "30d"

[[plan]]
name = "Credits"
kind = "metered"
currency = "tUSD"
price = "0.01"
rates = { unit_in = 20, unit_out = 60 }
refundable = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "service.toml"


class TestReadManifest:
    def test_missing_file_is_named(self, file: Path) -> None:
        with pytest.raises(Unprocessable, match="cannot be read"):
            read_manifest(file)

    def test_broken_toml_says_where(self, file: Path) -> None:
        file.write_text("[service\n")
        with pytest.raises(Unprocessable, match="not TOML.*line 1"):
            read_manifest(file)

    @pytest.mark.parametrize(
        ("good", "bad", "line", "words"),
        [
            ('slug = "smollm2"', 'slug = "Smol LM"', 3, "service.slug"),
            ('name = "Monthly"', "nme = 3", 6, "plan.0.nme"),
            ('price = "9.99"', "price = 9.99", 9, 'write money as text: "9.99"'),
            ('period = "30d"', "", 5, "needs a period"),
            ('kind = "metered"', 'kind = "rented"', 14, "plan.1.kind"),
            ('price = "9.99"', 'price = "9.99"\nearly = "2d"', 5, "comes before a sale_start"),
            ('price = "9.99"', 'price = "9.99"\nearly_score = "5"', 5, "`early` says"),
            ('price = "9.99"', 'price = "9.99"\nsale_start = 2027-01-01T12:00:00', 10, "plan.0.sale_start"),
            ("unit_in = 20", "unit_in = -1", 17, "plan.1.rates.unit_in"),
        ],
    )
    def test_mistake_is_named_with_its_line(
        self, file: Path, good: str, bad: str, line: int, words: str
    ) -> None:
        file.write_text(GOOD.replace(good, bad))
        with pytest.raises(Unprocessable) as caught:
            read_manifest(file)
        assert f"{file}:{line}: " in str(caught.value)
        assert words in str(caught.value)

    @pytest.mark.parametrize(("more", "taken"), [("", False), ("transferable = false\n", True)])
    def test_flat_limits_are_for_units_that_cannot_be_moved(self, file: Path, more: str, taken: bool) -> None:
        file.write_text(f"{GOOD}{more}[plan.limits]\nconcurrent = 4\nper_unit = false\n")
        if taken:
            limits = read_manifest(file).plan[1].limits
            assert limits is not None
            assert not limits.per_unit
            return
        with pytest.raises(Unprocessable, match="multiplied by moving units"):
            read_manifest(file)

    def test_sale_begins_with_stakers(self, file: Path) -> None:
        file.write_text(f'{GOOD}sale_start = 2027-01-01T12:00:00Z\nearly = "2d"\nearly_score = "50"\n')
        at_once, plan = read_manifest(file).plan
        assert (plan.sale_begins, plan.early_seconds, plan.early_score) == (1_798_804_800, 172_800, "50")
        assert (at_once.sale_begins, at_once.early_seconds) == (0, 0)

    def test_example_is_good(self) -> None:
        assert len(read_manifest(Path(__file__).parents[3] / "examples" / "service.toml").plan) == 3

    def test_names_every_mistake_at_once(self, file: Path) -> None:
        file.write_text(GOOD.replace('"smollm2"', '"S M"').replace('"metered"', '"rented"'))
        with pytest.raises(Unprocessable) as caught:
            read_manifest(file)
        assert len(list(caught.value.details["mistakes"])) == 2  # type: ignore[call-overload]

    def test_good_file_is_read(self, file: Path) -> None:
        file.write_text(GOOD)
        manifest = read_manifest(file)
        assert [plan.kind for plan in manifest.plan] == ["timed", "metered"]
        assert manifest.plan[0].period_seconds == 30 * 86_400
        assert manifest.upstream.kind == "embedded"


class TestBaseUnits:
    @pytest.mark.parametrize(("text", "decimals", "amount"), [("0.01", 6, 10_000), ("1000", 18, 10**21)])
    def test_exact(self, text: str, decimals: int, amount: int) -> None:
        assert base_units(text, decimals) == amount

    def test_too_many_decimals_are_refused(self) -> None:
        with pytest.raises(Unprocessable, match="6 decimals"):
            base_units("0.0000001", 6)

    @pytest.mark.parametrize("text", ["inf", "-1", "nan", "ten", ""])
    def test_what_is_no_amount_is_refused(self, text: str) -> None:
        with pytest.raises(Unprocessable, match="is no amount"):
            base_units(text, 6)
