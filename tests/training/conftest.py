"""What several tests of the training share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def a_state_after_every_epoch() -> Iterator[None]:
    """An interruption here is not a power cut, so no write need reach the disk before the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        patch.setattr("grokflow.artifacts.resumable.SECONDS_BETWEEN_STATES", 0.0)
        yield
