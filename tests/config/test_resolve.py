"""What one job needs of the configuration."""

import pytest

from grokflow.config import resolve_path
from grokflow.loading import load_config

CONFIG = {
    "datasets": {"addition": {"operation": "a+b", "modulus": 7, "train_fraction": 0.5}},
    "models": {"small": {"width": 8, "mlp_width": 8, "heads": 1}},
    "optimizers": {
        "sgd": {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.01},
        "adamw": {"name": "adamw", "learning_rate": 0.1, "weight_decay": 1.0},
    },
    "runs": {
        name: {"dataset": "addition", "model": "small", "optimizer": name, "seeds": [0], "epochs": 3}
        for name in ("sgd", "adamw")
    },
}


@pytest.mark.parametrize(
    ("run", "own", "expected"),
    [("sgd", None, 0.01), ("sgd", 0.5, 0.5), ("adamw", 0.5, 0.5), ("adamw", None, 0.0)],
)
def test_the_decay_of_a_path_is_that_of_its_run_only_where_it_is_part_of_a_loss(run, own, expected):
    """AdamW's is decoupled from the gradient: (1/2)·1.0·‖w‖² would be hundreds of nats."""
    path = {"kind": "polyline", "from": f"{run}@initial", "to": f"{run}@final", "weight_decay": own}
    config = load_config([], {**CONFIG, "paths": {"path": path}})
    assert resolve_path(config, "path", "0").weight_decay == expected


def test_the_parameters_of_a_path_of_sgd_are_what_they_were():
    path = {"kind": "segment", "from": "sgd@initial", "to": "sgd@final"}
    config = load_config([], {**CONFIG, "paths": {"path": path}})
    assert resolve_path(config, "path", "0").path.weight_decay is None
