import pytest

from geoflow_ros.localization.budget import TimeBudget


def test_without_a_limit_everything_is_done() -> None:
    assert TimeBudget(0.0).affordable(1e9, 64, 5) == (64, 5)


@pytest.mark.parametrize(
    ("left_s", "expected"),
    [(1.0, (64, 5)), (0.0301, (30, 5)), (0.0161, (16, 5)), (0.0097, (16, 3)), (0.0, (16, 2)), (-5.0, (16, 2))],
)
def test_hypotheses_go_before_steps(left_s: float, expected: tuple[int, int]) -> None:
    # At 0.2 ms a hypothesis-step, 30 ms are 150 of them: 30 hypotheses x 5 steps.
    budget = TimeBudget(limit_s=1.0, cost_s=0.2e-3)
    assert budget.affordable(1.0 - left_s, 64, 5) == expected


def test_the_cost_is_learnt() -> None:
    budget = TimeBudget(limit_s=0.01, cost_s=1.0)
    for _ in range(100):
        budget.spent(seconds=0.005, hypotheses=50, steps=10)
    assert budget.cost_s == pytest.approx(1e-5, rel=1e-3)
