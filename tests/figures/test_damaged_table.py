"""A table that cannot be drawn is refused and named."""

from __future__ import annotations

from typing import Any

import pytest

from grokflow.config import Figure
from grokflow.errors import ArtifactError
from grokflow.figures import draw


@pytest.mark.parametrize("content", ["", "epoch,step\n1,2\n"])
def test_a_damaged_table_is_named(tables: Any, tmp_path: Any, content: str) -> None:
    folder = tables.run(0)
    (tmp_path / "run/seed_0/history.csv").write_text(content)
    with pytest.raises(ArtifactError, match=r"history\.csv: expected"):
        draw(Figure(kind="checkpoints", run="r"), {"0": folder}, tables.dataset)
