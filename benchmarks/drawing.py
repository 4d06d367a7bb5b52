"""Tables and plots, drawn from the results on disk alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks import plots, results
from benchmarks.table import Cell, Table, values_of, with_pooled

_OPEN = "open"


def draw(table: Table) -> tuple[Path, Path]:
    """Write ``table.md`` and ``plot.png`` beside a table's results and return their paths."""
    found = results.load(table)
    folder = results.RESULTS / table.name
    folder.mkdir(parents=True, exist_ok=True)
    text, picture = folder / "table.md", folder / "plot.png"
    text.write_text(markdown(table, found), encoding="utf-8")
    plots.plot(table, _with_derived(table, found), picture)
    return text, picture


def markdown(table: Table, found: dict[Cell, dict[str, Any]]) -> str:
    """The table as Markdown: mean ± standard deviation over seeds, ``open`` where nothing was measured."""
    found = _with_derived(table, found)
    parts = [f"# {table.title}", "", f"`python -m benchmarks run {table.name}`"]
    if table.note:
        parts += ["", table.note]
    for metric, meaning in table.metrics.items():
        columns = _columns_of(table, found, metric)
        parts += [
            "",
            f"**{metric}** ({meaning})",
            "",
            f"| | {' | '.join(columns)} |",
            "|---" * (len(columns) + 1) + "|",
        ]
        for row in table.rows:
            values = [_spread(values_of(found, row, column, metric)) for column in columns]
            parts.append(f"| {row} | {' | '.join(values)} |")
        if table.baseline:
            parts += _against(table, found, metric)
    parts += ["", _provenance(found.values()), ""]
    return "\n".join(parts)


def _with_derived(table: Table, found: dict[Cell, dict[str, Any]]) -> dict[Cell, dict[str, Any]]:
    found = with_pooled(table, found)
    more = table.derive({cell: result["metrics"] for cell, result in found.items()})
    return {cell: {**result, "metrics": {**result["metrics"], **more.get(cell, {})}} for cell, result in found.items()}


def _columns_of(table: Table, found: dict[Cell, dict[str, Any]], metric: str) -> tuple[str, ...]:
    """All but those that were measured and in which nothing has the metric."""
    measured = {cell.column for cell in found}
    having = {cell.column for cell, result in found.items() if metric in result["metrics"]}
    columns = (*table.columns, *table.pooled)
    return tuple(column for column in columns if column in having or column not in measured) or columns


def _against(table: Table, found: dict[Cell, dict[str, Any]], metric: str) -> list[str]:
    """Differences from the baseline's row, paired by seed: mean and Student's 95 % interval."""
    # Brings PyTorch with it, which most tables are drawn without.
    from crosslabel.learning.curves import paired_interval

    lines = []
    for row in table.rows:
        for column in table.columns:
            pairs = [
                (values_of(found, row, column, metric, seed), values_of(found, table.baseline, column, metric, seed))
                for seed in table.seeds
            ]
            differences = [ours[0] - theirs[0] for ours, theirs in pairs if ours and theirs]
            if row != table.baseline and len(differences) > 1:
                mean, low, high, p = paired_interval(differences)
                lines.append(
                    f"- {row} against {table.baseline}: {mean:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}, "
                    f"p {p:.2f} (n={len(differences)})"
                )
    return ["", *lines] if lines else []


def _spread(values: list[float]) -> str:
    if not values:
        return _OPEN
    if len(values) == 1:
        # A count is written as one.
        return f"{values[0]:.0f}" if float(values[0]).is_integer() else f"{values[0]:.3f}"
    return f"{fmean(values):.3f} ± {stdev(values):.3f} (n={len(values)})"


def _provenance(found: Iterable[dict[str, Any]]) -> str:
    machines, commits = set(), set()
    for result in found:
        described = result["machine"]
        gpu = f", {described['gpu']}" if described["gpu"] else ", no GPU"
        machines.add(f"{described['processor']}, {described['cores']} cores{gpu}, torch {described['torch']}")
        commits.add((result["commit"] or "no commit")[:10] + (" with changes" if result["uncommitted_changes"] else ""))
    if not machines:
        return "Nothing measured yet."
    return f"Machine: {'; '.join(sorted(machines))}. Commit: {', '.join(sorted(commits))}."
