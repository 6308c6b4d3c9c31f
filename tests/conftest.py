"""Fixtures that several test files share, and settings that make every test repeatable."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from runs import Trained, grokking_run, tiny_run, train_in

settings.register_profile("grokflow", deadline=None, derandomize=True, database=None)
settings.load_profile("grokflow")
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Six epochs of SGD that reach no point. Do not change its files."""
    return train_in(tmp_path_factory.mktemp("tiny"), tiny_run())


@pytest.fixture(scope="session")
def grokked(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run that reached point 1 and, much later, point 2. Do not change its files."""
    return train_in(tmp_path_factory.mktemp("grokked"), grokking_run())


@pytest.fixture
def copy_of_grokked(grokked: Trained, tmp_path: Path) -> Trained:
    """The same run's published files, to be tampered with."""
    shutil.copytree(grokked.checkpoints, tmp_path / "checkpoints")
    shutil.copy(grokked.history, tmp_path)
    shutil.copy(grokked.epochs, tmp_path)
    return Trained(grokked.run, tmp_path)
