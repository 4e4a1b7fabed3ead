"""What the rounds of the gateway's benchmark say: figures against their bounds, as a page and as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Any, Final

from scripts.bench.comparison import Comparison
from scripts.bench.flood import BAD_A_SECOND, HONEST_A_SECOND
from scripts.bench.gateway import CROWD, SHORT, WHOLE, Findings
from scripts.bench.litellm_proxy import VERSION, VIRTUAL_KEYS
from scripts.bench.load import percentile
from scripts.bench.servers import CHUNKS

OURS: Final = ("embedded", "scaled")
TITLES: Final = {
    "raw": "raw FastAPI + aiohttp",
    "embedded": "ours, embedded (SQLite)",
    "scaled": "ours, PostgreSQL + Redis",
    "litellm": f"LiteLLM proxy {VERSION}, master key",
}
PROFILE: Final = Path(__file__).with_name("where_time_goes.md")
"""Said by people, who measured the parts one by one."""
Figures = dict[str, dict[str, float | None]]


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure and what it must be; `least`: at least that, else at most."""

    measure: str
    found: float | None
    bound: float
    unit: str = ""
    least: bool = False

    def verdict(self) -> str:
        """Met, missed, or why neither."""
        if self.found is None:
            return "void"
        met = self.found >= self.bound if self.least else self.found <= self.bound
        return "met" if met else "**missed**"

    def row(self) -> str:
        """One line of the table."""
        sign = ">=" if self.least else "<="
        return (
            f"| {self.measure} | {sign} {self.bound:g}{self.unit} | {shown(self.found)}{self.unit} "
            f"| {self.verdict()} |"
        )


def shown(number: float | None) -> str:
    """A figure for people."""
    return "-" if number is None else f"{number:,.2f}" if abs(number) < 100 else f"{number:,.0f}"


def bounds(found: Findings) -> list[Bound]:
    """The table of the design's figures."""
    whole, one = found.whole[16], found.whole[1]
    late = {share: {name: one.added(name, "raw", share) for name in OURS} for share in (50, 99)}
    flood = found.flood.latency("flooded", 99), found.flood.latency("quiet", 99)
    rise = None if None in flood or not flood[1] else 100 * ((flood[0] or 0) / flood[1] - 1)
    return [
        Bound("CPU a request / raw, embedded, 16 connections", whole.ratio("embedded", "raw"), 1.25),
        Bound("CPU a request / raw, PostgreSQL + Redis", whole.ratio("scaled", "raw"), 1.6),
        Bound("the same with the servers' own CPU", with_servers(whole), 2.2),
        Bound("LiteLLM / ours, CPU a request, embedded", whole.ratio("litellm", "embedded"), 15, least=True),
        Bound("LiteLLM / ours, CPU a request, scaled", whole.ratio("litellm", "scaled"), 10, least=True),
        Bound("added latency p50, embedded", late[50]["embedded"], 1, " ms"),
        Bound("added latency p50, PostgreSQL + Redis", late[50]["scaled"], 4, " ms"),
        Bound("added latency p99, embedded", late[99]["embedded"], 5, " ms"),
        Bound("added latency p99, PostgreSQL + Redis", late[99]["scaled"], 10, " ms"),
        Bound("CPU a streamed chunk / raw, embedded", found.streams.ratio("embedded", "raw"), 1.2),
        Bound("CPU a streamed chunk / raw, scaled", found.streams.ratio("scaled", "raw"), 1.2),
        Bound("added time to first token p50", found.first_chunks.added("embedded", "raw", 50), 2, " ms"),
        Bound("honest p99 rises under 200 bad signatures a second by", rise, 20, " %"),
        Bound("transfer mined to refusal p99", refused(found, 99), 2, " s"),
        Bound("resident memory a worker", whole.median("embedded", "rss_mb"), 160, " MB"),
    ]


def with_servers(whole: Comparison) -> float | None:
    """Ours on PostgreSQL and Redis, their CPU counted, over raw."""
    mine, behind = whole.median("scaled", "cpu_ms"), whole.median("scaled", "behind_cpu_ms")
    plain = whole.median("raw", "cpu_ms")
    return None if mine is None or behind is None or not plain else (mine + behind) / plain


def refused(found: Findings, share: int) -> float | None:
    """Seconds from transfer to refusal."""
    return percentile(found.refusals, share) if found.refusals else None


def figures(found: Findings) -> Figures:
    """By measure: ours, raw, litellm, ours / raw, litellm / ours; null where one has none."""
    whole, one, streams = found.whole[16], found.whole[1], found.streams
    told: Figures = {
        "cpu_per_request_embedded": compared(whole, "embedded", "cpu_ms"),
        "cpu_per_request_scaled": compared(whole, "scaled", "cpu_ms"),
        "cpu_per_chunk": compared(streams, "embedded", "cpu_ms", CHUNKS),
        "cpu_per_chunk_scaled": compared(streams, "scaled", "cpu_ms", CHUNKS),
        "added_p50_ms": added(one, "embedded", 50),
        "added_p99_ms": added(one, "embedded", 99),
        "added_p50_ms_scaled": added(one, "scaled", 50),
        "added_p99_ms_scaled": added(one, "scaled", 99),
        "added_first_token_p50_ms": added(found.first_chunks, "embedded", 50),
        "refusal_p50_s": alone(refused(found, 50)),
        "refusal_p99_s": alone(refused(found, 99)),
        "flooded_p99_ms": alone(found.flood.latency("flooded", 99)),
        "mistyped_p99_ms": alone(found.flood.latency("refused", 99)),
        "quiet_p99_ms": alone(found.flood.latency("quiet", 99)),
        "rss_mb": compared(whole, "embedded", "rss_mb"),
        "rss_mb_scaled": compared(whole, "scaled", "rss_mb"),
    }
    for connections in WHOLE:
        told[f"requests_per_second_{connections}"] = compared(found.whole[connections], "embedded", "rate")
    return {measure: {name: rounded(value) for name, value in row.items()} for measure, row in told.items()}


def compared(found: Comparison, ours: str, of: str, parts: int = 1) -> dict[str, float | None]:
    """Medians, each over `parts`, and the ratios of paired rounds."""
    values = {"ours": found.median(ours, of), "raw": found.median("raw", of)}
    values["litellm"] = found.median("litellm", of)
    shares = {name: None if value is None else value / parts for name, value in values.items()}
    return {
        **shares,
        "ratio_raw": found.ratio(ours, "raw", of),
        "ratio_litellm": found.ratio("litellm", ours, of),
    }


def added(found: Comparison, ours: str, share: int) -> dict[str, float | None]:
    """What each adds to raw, in ms."""
    mine, other = found.added(ours, "raw", share), found.added("litellm", "raw", share)
    ratio = None if mine is None or other is None or mine <= 0 else other / mine
    base = 0.0 if found.counts("raw") else None
    return {"ours": mine, "raw": base, "litellm": other, "ratio_raw": None, "ratio_litellm": ratio}


def alone(value: float | None) -> dict[str, float | None]:
    """A figure that only ours has."""
    return {"ours": value, "raw": None, "litellm": None, "ratio_raw": None, "ratio_litellm": None}


def rounded(value: float | None) -> float | None:
    """Four digits say all there is."""
    return None if value is None else float(f"{value:.4g}")


def table(found: Findings) -> str:
    """The figures against their bounds, as Markdown."""
    rows = [one.row() for one in bounds(found)]
    return "\n".join(["| measure | bound | found | |", "|---|---|---|---|", *rows])


def details(found: Findings) -> str:
    """Every contestant in every comparison, as Markdown."""
    head = "| | CPU a request, tree (process, servers behind) ms | requests/s | p50 ms | p99 ms | MB |"
    lines = [head, "|---|---|---|---|---|---|"]
    for title, one in _comparisons(found):
        lines += [_detail(f"{TITLES[name]}, {title}", one, name, found) for name in TITLES]
    lines.append(f"| LiteLLM proxy {VERSION}, virtual keys | {VIRTUAL_KEYS} | | | | |")
    return "\n".join(lines)


def _comparisons(found: Findings) -> Iterator[tuple[str, Comparison]]:
    for connections, one in found.whole.items():
        yield f"{connections} at once", one
    yield f"streams of {CHUNKS} chunks, {CROWD} at once (times: first chunk)", found.streams
    yield f"streams of {SHORT} chunks, one at a time", found.first_chunks


def _detail(title: str, one: Comparison, name: str, found: Findings) -> str:
    if not one.counts(name):
        reason = f"void: {one.void[name]}" if name in one.void else found.absent.get(name, "not measured")
        return f"| {title} | {reason.replace('|', '/')} | | | | |"
    value: Any = {of: shown(one.median(name, of)) for of in ("cpu_ms", "own_cpu_ms", "behind_cpu_ms")}
    cpu = f"{value['cpu_ms']} ({value['own_cpu_ms']}, {value['behind_cpu_ms']})"
    rest = [shown(one.median(name, of)) for of in ("rate", "p50_ms", "p99_ms", "rss_mb")]
    return f"| {title} | {cpu} | {' | '.join(rest)} |"


def _crowd(found: Findings) -> str:
    """What honest requests meet beside others that are refused."""
    p99 = {name: shown(found.flood.latency(name, 99)) for name in ("quiet", "refused", "flooded")}
    return (
        f"\n{HONEST_A_SECOND} honest requests a second take {p99['quiet']} ms (p99) alone, "
        f"{p99['refused']} ms beside {BAD_A_SECOND} mistyped keys a second, refused on sight, and "
        f"{p99['flooded']} ms beside {BAD_A_SECOND} bad signatures.\n"
    )


def page(found: Findings) -> str:
    """The gateway's section."""
    told = (
        "## Gateway\n\n"
        "`make bench` measures it again (about ten minutes; Linux): "
        f"{found.rounds} rounds in turns, all servers on one core and before one upstream that answers "
        "at once. Ratios are medians of paired rounds. A wrong answer voids its row.\n\n"
        f"The machine's load average was {found.load:.1f} on {cpu_count()} cores before it began; times of a "
        "machine that others use say little, and a server's own idle work counts for more.\n\n"
        f"{table(found)}\n\n"
        "LiteLLM's proxy runs with its master key and no database, so it does less than ours does: no keys "
        "of users, no budget, no usage row, no receipt. CPU counts the process tree: of ours that is the "
        "gateway with settlement, the indexer and the idle embedded model.\n\n"
        f"{details(found)}\n"
    )
    seconds = [shown(refused(found, share)) for share in (50, 99)]
    refusal = f"\nA transferred pass is refused {seconds[0]} s (p50) and {seconds[1]} s (p99) after its block"
    absent = "".join(f"\n- {name}: {reason}" for name, reason in found.absent.items())
    times = f", in {len(found.refusals)} transfers.\n"
    return f"{told}{refusal}{times}{_crowd(found)}{absent}\n{PROFILE.read_text(encoding='utf-8')}"
