"""``crosslabel simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosslabel.cli.console import print_set_aside, stderr, stdout
from crosslabel.cli.options import DeviceOption, LabelsAs, LabelsAsOption, TaskArgument
from crosslabel.cli.resources import task_named

if TYPE_CHECKING:
    from crosslabel.learning.simulation import BudgetPoint, Replay


def simulate(
    task: TaskArgument,
    images: Annotated[Path, typer.Option(help="Folder of images, or a labelled data set in a known layout.")],
    labels: Annotated[Path | None, typer.Option(help="Folder of labels called like their images, if it is another.")] = None,
    strategy: Annotated[str, typer.Option(help="Names of strategies, with commas between them.")] = "default,random",
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions, with the seeds 1, 2, ...")] = 1,
    budget: Annotated[str, typer.Option(help="Numbers of labels after which the model learns, growing.")] = "5,10,15,20",
    test_share: Annotated[float, typer.Option(min=0.01, max=0.99, help="Share of the patients that only test.")] = 0.33,
    report: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("simulation.html"),
    full: Annotated[bool, typer.Option("--full", help="Also train on all labels of the pool, for comparison.")] = False,
    labels_as: LabelsAsOption = LabelsAs.DATASET,
    device: DeviceOption = "auto",
) -> None:
    """Replay the annotation of a labelled data set, to see which strategy needs the fewest labels."""
    from crosslabel.data.layouts import cases_of
    from crosslabel.learning.curves import area
    from crosslabel.learning.simulation import Simulation, split_test
    from crosslabel.learning.simulation_report import write_report

    spec, names, budgets = task_named(task), _strategies(strategy), _budgets(budget)
    cases = cases_of(images, labels, spec, own_values=labels_as is LabelsAs.TASK)
    simulation = Simulation(spec, *split_test(cases, test_share), device=device, on_point=_print)
    print_set_aside(simulation.aside)
    sizes = f"{len(simulation.pool)} images to choose from, {len(simulation.test)} to test"
    stderr().print(f"{spec.title}: {sizes}", highlight=False)
    replays: list[Replay] = []
    reached: dict[int, float] = {}
    for seed in range(1, seeds + 1):
        for name in names:
            replays.append(simulation.run(name, seed, budgets))
            # After every replay, so that a long simulation that is stopped leaves what it has.
            write_report(report, simulation, replays, reached)
        if full:
            reached[seed] = simulation.full(seed)
            stderr().print(f"all {len(simulation.pool)} labels, seed {seed}: {reached[seed]:.3f}", highlight=False)
            write_report(report, simulation, replays, reached)
    for name in names:
        areas = [area(replay) for replay in replays if replay.strategy == name]
        stdout().print(f"{name}: area under the budget curve {sum(areas) / len(areas):.3f}", highlight=False)
    stdout().print(f"Report: {report}", soft_wrap=True, highlight=False)


def _strategies(text: str) -> list[str]:
    from crosslabel.active import STRATEGIES
    from crosslabel.errors import NotFoundError

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in STRATEGIES:
            raise NotFoundError(f"There is no strategy '{name}'; use {', '.join(STRATEGIES)}.")
    if not names:
        raise NotFoundError(f"'{text}' names no strategy; write for example default,random.")
    return names


def _budgets(text: str) -> list[int]:
    from crosslabel.errors import CrossLabelError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise CrossLabelError(f"'{text}' is no list of budgets; write for example 5,10,15,20.") from error


def _print(strategy: str, seed: int, point: BudgetPoint) -> None:
    value = "no model yet" if point.value is None else f"{point.value:.3f}"
    kept = point.obstacle or "the new model was worse and is not served"
    served = "" if point.promoted else f"  ({kept})"
    stderr().print(
        f"{strategy}, seed {seed}: {point.labels} labels  {value}  {point.seconds:.0f} s{served}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
