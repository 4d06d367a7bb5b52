"""From probabilities to an answer."""

from __future__ import annotations

from collections.abc import Mapping


def least_costly(probabilities: Mapping[str, float], costs: Mapping[str, Mapping[str, float]]) -> str:
    """The class of least expected cost: ``argmin_b sum_a p(a) cost(a, b)``; without costs, the most probable one.

    Args:
        probabilities: by class, calibrated.
        costs: ``costs[a][b]`` of answering b where a is true; 0 for the right class and 1 for others if not given.
    """

    def expected(answer: str) -> float:
        return sum(
            probability * costs.get(true, {}).get(answer, float(true != answer)) for true, probability in probabilities.items()
        )

    return min(probabilities, key=expected)
