"""The figures as people and as programs read them."""

from collections.abc import Mapping

Medians = Mapping[str, Mapping[str, float]]
"""Median by measure and contestant."""


def as_json(medians: Medians) -> dict[str, dict[str, float | None]]:
    """`{"measure": {"ours", "ponder", "ratio"}}`, the ratio being ponder / ours; None where one has none."""
    return {measure: _row(found) for measure, found in sorted(medians.items())}


def _row(found: Mapping[str, float]) -> dict[str, float | None]:
    ours, ponder = found.get("ours"), found.get("ponder")
    ratio = round(ponder / ours, 2) if ours and ponder else None
    return {"ours": _short(ours), "ponder": _short(ponder), "ratio": ratio}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def as_table(medians: Medians) -> str:
    """Markdown: a line a measure."""
    lines = ["| measure | ours | Ponder 0.16.10 | ratio |", "|---|---|---|---|"]
    for measure, row in as_json(medians).items():
        cells = ["-" if row[key] is None else f"{row[key]:,.2f}" for key in ("ours", "ponder", "ratio")]
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return "\n".join(lines)
