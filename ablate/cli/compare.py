"""`ablate compare A B`: two results side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.cli.options import floor_option

if TYPE_CHECKING:
    from ablate.api.comparing import Comparison


@click.command("compare")
@click.argument("one", metavar="A", type=click.Path(path_type=Path))
@click.argument("other", metavar="B", type=click.Path(path_type=Path))
@click.option("--metric", help="What is compared; by default the primary metric of B.")
@floor_option
@click.option("--md", "as_markdown", is_flag=True, help="Markdown, for a comment on a pull request.")
@handled
def command(one: Path, other: Path, metric: str | None, floor: float | None, as_markdown: bool, output: Output) -> None:
    """Put two results side by side: folders, stored baselines or pages.

    A and B are each the folder of a study's results, a file of 'ablate check --save-baseline', or a page of 'ablate
    report'. Treatments of the same name are compared, B against A, in pairs of one seed.
    """
    from ablate import api
    from ablate.api import comparing
    from ablate.errors import NotComparableError

    found = api.compare(one, other, metric=metric, floor=floor)
    if found.obstacles:
        raise NotComparableError(f"{one} and {other} cannot be compared: {'; '.join(found.obstacles)}")
    if as_markdown:
        output.lines(comparing.comparison_markdown(found, one.name, other.name).rstrip("\n"))
    else:
        _print(found, output)
    output.document(_document(found))


def _print(found: "Comparison", output: Output) -> None:
    """One line per treatment, then what differs around them; on the metric's own scale."""
    rows = found.table.to_dict("records")
    width = max((len(row["treatment"]) for row in rows), default=0)
    lines = [f"{found.metric}, B minus A: mean [95% interval], p adjusted by Holm"]
    lines += [f"  {row['treatment']:<{width}}  {_figures(row)}  {row['verdict']}" for row in rows]
    lines += found.around
    for each in found.settings:
        lines.append(f"{each.key}: {each.before} in A, {each.now} in B ({', '.join(each.treatments)})")
    for line in lines:
        output.data(line)


def _figures(row: Mapping[Any, Any]) -> str:
    if not row["n"]:
        return str(row["reason"])
    sides = f"{row['before']:.4f} -> {row['now']:.4f}"
    change = f"{row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
    p = "p < 0.001" if row["p_holm"] < 0.001 else f"p {row['p_holm']:.3f}"
    return f"{sides}  {change}  {p}  n {row['n']}"


def _document(found: "Comparison") -> dict[str, Any]:
    return {
        "metric": found.metric,
        "floor": found.floor,
        "treatments": found.table.to_dict("records"),
        "only_a": list(found.only_before),
        "only_b": list(found.only_now),
        "seeds_only_a": list(found.seeds_before),
        "seeds_only_b": list(found.seeds_now),
        "settings": [
            {"key": each.key, "a": each.before, "b": each.now, "treatments": list(each.treatments)}
            for each in found.settings
        ],
        "other_data": list(found.data),
        "changed": list(found.changed),
    }
