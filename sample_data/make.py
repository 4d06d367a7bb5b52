"""Make phantoms: images generated from a seed, with their labels, to try CrossLabel on.

\b
Examples:
    python sample_data/make.py            (the samples that the repository carries)
    python sample_data/make.py abdomen --modality CT --seed 7 --count 3 --out DIR
    python sample_data/make.py head --seed 20 --count 4 --out DIR
    python sample_data/make.py classes --seed 100 --count 40 --out DIR
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from phantoms.datasets import write_abdomens, write_heads, write_pictures
from phantoms.samples import write_samples

HERE = Path(__file__).parent

app = typer.Typer(help=__doc__, rich_markup_mode=None, add_completion=False)
console = Console()


class Modality(str, Enum):
    """Modality of abdominal phantoms."""

    CT = "CT"
    MR = "MR"


class Sequence(str, Enum):
    """Sequence of head phantoms."""

    T1C = "T1c"
    FLAIR = "FLAIR"


Seed = Annotated[int, typer.Option(min=0, help="The first seed. Same seed, same image; below 10000 for training.")]
Count = Annotated[int, typer.Option(min=1, help="How many seeds, counting up.")]
Out = Annotated[Path, typer.Option(help="Folder to write to; made where it is missing.")]
Only = Annotated[str | None, typer.Option(help="One sample, such as head_t1c_01.")]


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        committed()


@app.command()
def committed(out: Out = HERE, only: Only = None) -> None:
    """Make the samples that the repository carries."""
    try:
        write_samples(out, only)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--only") from error
    _say(out)


@app.command()
def abdomen(
    out: Out,
    seed: Seed = 0,
    count: Count = 1,
    modality: Annotated[Modality | None, typer.Option(help="Both if not given.")] = None,
) -> None:
    """Make labelled abdomens: liver, kidneys, spleen."""
    write_abdomens(out, range(seed, seed + count), _chosen(modality, Modality))
    _say(out)


@app.command()
def head(
    out: Out,
    seed: Seed = 0,
    count: Count = 1,
    sequence: Annotated[Sequence | None, typer.Option(help="Both if not given.")] = None,
) -> None:
    """Make labelled heads: whole tumour, and none in each fourth."""
    write_heads(out, range(seed, seed + count), _chosen(sequence, Sequence))
    _say(out)


@app.command()
def classes(out: Out, seed: Seed = 0, count: Count = 4) -> None:
    """Make class pictures: one folder for each type of tumour and one for none."""
    write_pictures(out, range(seed, seed + count))
    _say(out)


def _chosen(one: Enum | None, every: type[Enum]) -> tuple[str, ...]:
    return tuple(member.value for member in every) if one is None else (one.value,)


def _say(out: Path) -> None:
    console.print(f"Written to {out}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    app()
