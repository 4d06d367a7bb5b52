"""The loop's options against plain loops."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from crosslabel.errors import CrossLabelError
from crosslabel.optimisation import LoopSettings, Objective, TrainingLoop, read_curves
from crosslabel.optimisation.progress import ProgressFile


class Line(Objective):
    """Fits a line to points that depend on (epoch, draw) alone."""

    metric = "score"

    def __init__(self, scores=()):
        self.scores = list(scores)

    def losses(self, network, epoch, draw):
        x = torch.randn(8, 1, generator=torch.Generator().manual_seed(1000 * epoch + draw))
        return {"squares": ((network(x) - (3 * x + 1)) ** 2).mean()}

    def validate(self, network):
        return {"score": self.scores.pop(0)} if self.scores else {}


def settings(**changes):
    plain = {
        "epochs": 4,
        "steps_per_epoch": 3,
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        "validate_every": 1,
        "mixed_precision": True,
        "seed": 0,
    }
    return LoopSettings(**{**plain, **changes})


def fitted(folder, **changes):
    torch.manual_seed(0)
    network = nn.Linear(1, 1)
    TrainingLoop(network, Line(), settings(**changes), folder).run()
    return network


def test_accumulated_batches_make_one_step_of_their_mean_gradient(tmp_path):
    network = fitted(tmp_path, accumulate=2)
    torch.manual_seed(0)
    plain = nn.Linear(1, 1)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.1, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4, eta_min=0.001)
    for epoch in range(4):
        for step in range(3):
            optimizer.zero_grad()
            losses = [Line().losses(plain, epoch, draw)["squares"] for draw in (2 * step, 2 * step + 1)]
            torch.stack(losses).mean().backward()
            nn.utils.clip_grad_norm_(plain.parameters(), 12.0)
            optimizer.step()
        schedule.step()
    torch.testing.assert_close(network.weight, plain.weight)
    torch.testing.assert_close(network.bias, plain.bias)


def test_a_constant_schedule_keeps_the_learning_rate(tmp_path):
    network = nn.Linear(1, 1)
    loop = TrainingLoop(network, Line(), settings(schedule="constant"), tmp_path)
    loop.run()
    assert loop.optimizer.param_groups[0]["lr"] == 0.1


def test_every_group_of_parameters_falls_to_a_hundredth_of_its_own_learning_rate(tmp_path):
    network = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    rates = (0.1, 0.0004)

    def optimizer(network):
        return torch.optim.SGD([{"params": part.parameters(), "lr": rate} for part, rate in zip(network, rates, strict=True)])

    loop = TrainingLoop(network, Line(), settings(epochs=3), tmp_path, optimizer=optimizer)
    loop.run()
    assert [group["lr"] for group in loop.optimizer.param_groups] == pytest.approx([0.001, 0.000004])


def test_adabelief_takes_the_steps_of_its_paper(tmp_path):
    """Zhuang et al. 2020, algorithm 2, with weight decay decoupled and without rectification."""
    network = fitted(tmp_path, optimizer="adabelief", epochs=1)
    torch.manual_seed(0)
    plain = nn.Linear(1, 1)
    moments = {name: [torch.zeros_like(value), torch.zeros_like(value)] for name, value in plain.named_parameters()}
    for step in range(1, 4):
        plain.zero_grad()
        Line().losses(plain, 0, step - 1)["squares"].backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 12.0)
        for name, parameter in plain.named_parameters():
            mean, belief = moments[name]
            mean.mul_(0.9).add_(0.1 * parameter.grad)
            belief.mul_(0.999).add_(0.001 * (parameter.grad - mean) ** 2 + 1e-16)
            corrected = mean / (1 - 0.9**step) / ((belief / (1 - 0.999**step)).sqrt() + 1e-16)
            parameter.data.sub_(0.1 * corrected)
    torch.testing.assert_close(network.weight, plain.weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), (None, 6)])
def test_an_early_stop_ends_after_so_many_validations_without_gain(tmp_path, patience, epochs):
    scores = [0.1, 0.5, 0.4, 0.5, 0.6, 0.7]
    loop = TrainingLoop(nn.Linear(1, 1), Line(scores), settings(epochs=6, early_stop=patience), tmp_path)
    outcome = loop.run()
    assert loop.epoch == epochs
    assert outcome.epoch == (2 if patience else 6)


@pytest.mark.parametrize(("scores", "kept"), [([0.0, 0.0, 0.0, 0.0], 4), ([0.0, 0.3, 0.0, 0.0], 2), ([0.3, 0.3, 0.1, 0.3], 1)])
def test_of_epochs_that_all_came_to_nothing_the_last_is_kept_and_of_other_equals_the_first(tmp_path, scores, kept):
    assert TrainingLoop(nn.Linear(1, 1), Line(scores), settings(), tmp_path).run().epoch == kept


def test_epochs_without_gain_end_a_training_that_comes_to_nothing(tmp_path):
    loop = TrainingLoop(nn.Linear(1, 1), Line([0.0] * 6), settings(epochs=6, early_stop=2), tmp_path)
    assert loop.run().epoch == loop.epoch == 3


@pytest.mark.parametrize(("first", "kept", "ran"), [(0, 1, 3), (3, 3, 5), (5, 6, 6)])
def test_no_epoch_before_the_first_candidate_is_kept_or_counted_for_an_early_stop(tmp_path, first, kept, ran):
    objective = Line([0.9, 0.2, 0.5, 0.4, 0.3, 0.6])
    objective.first_candidate = first
    loop = TrainingLoop(nn.Linear(1, 1), objective, settings(epochs=6, early_stop=2), tmp_path)
    assert loop.run().epoch == kept
    assert loop.epoch == ran


def test_what_an_objective_remembers_is_there_after_a_resume(tmp_path):
    class Counting(Line):
        steps = 0

        def after_step(self, network):
            self.steps += 1

        def state(self):
            return {"steps": self.steps}

        def restore(self, state):
            self.steps = state["steps"]

    network = nn.Linear(1, 1)
    first = TrainingLoop(network, Counting(), settings(), tmp_path, cancelled=lambda: first.epoch == 2)
    first.run()
    second = Counting()
    TrainingLoop(copy.deepcopy(network), second, settings(), tmp_path).run(resume=True)
    assert second.steps == 12


def test_the_weights_that_an_objective_keeps_are_the_outcome(tmp_path):
    class Zero(Line):
        def kept(self, network):
            other = copy.deepcopy(network)
            nn.init.zeros_(other.weight)
            return other

    outcome = TrainingLoop(nn.Linear(1, 1), Zero([0.5]), settings(), tmp_path).run()
    assert float(outcome.weights["weight"]) == 0.0


def test_curves_hold_each_epoch_once_as_it_was_last(tmp_path):
    for _ in range(2):
        TrainingLoop(nn.Linear(1, 1), Line([0.1, 0.2, 0.3, 0.4]), settings(), tmp_path, ProgressFile(tmp_path)).run()
    curves = read_curves(tmp_path)
    assert [epoch for epoch, _ in curves["losses"]["squares"]] == [1, 2, 3, 4]
    assert curves["metrics"]["score"] == [[1, 0.1], [2, 0.2], [3, 0.3], [4, 0.4]]
    assert read_curves(tmp_path / "nowhere") == {"losses": {}, "metrics": {}}


def test_a_line_that_a_killed_process_left_half_written_costs_that_line_alone(tmp_path):
    def run(resume):
        loop = TrainingLoop(nn.Linear(1, 1), Line([0.1, 0.2, 0.3, 0.4]), settings(), tmp_path, ProgressFile(tmp_path))
        loop.cancelled = lambda: not resume and loop.epoch == 2
        loop.run(resume=resume)

    run(resume=False)
    history = tmp_path / "progress.jsonl"
    history.write_text(history.read_text() + '{"state": "training", "epo')
    run(resume=True)
    curves = read_curves(tmp_path)
    assert [epoch for epoch, _ in curves["losses"]["squares"]] == [1, 2, 3, 4]
    assert curves["metrics"]["score"] == [[1, 0.1], [2, 0.2], [3, 0.1], [4, 0.2]]


def test_a_run_in_the_place_of_a_file_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "run").write_text("notes")
    for folder in (tmp_path / "run", tmp_path / "run" / "below"):
        with pytest.raises(CrossLabelError, match="is a file or lies below one; give another"):
            ProgressFile(folder)
    assert (tmp_path / "run").read_text() == "notes"
