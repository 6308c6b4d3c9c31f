"""A SLURM that the tests did not start is left alone."""

from __future__ import annotations

import psutil
import pytest
from cluster import slurm


def test_a_configuration_of_others_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "FILES", tmp_path)
    monkeypatch.setattr(psutil, "process_iter", lambda attributes: [])
    (tmp_path / "slurm.conf").write_text(slurm.OURS + "ClusterName=grokflow\n", encoding="utf-8")
    slurm.refuse_another()  # ours, left by a run that was killed
    (tmp_path / "slurm.conf").write_text("ClusterName=theirs\n", encoding="utf-8")
    with pytest.raises(slurm.CannotStart, match=r"slurm\.conf is not ours"):
        slurm.refuse_another()


def test_beside_a_running_one_none_is_started(cluster):
    files = sorted(path.read_bytes() for path in slurm.FILES.glob("*.conf"))
    with pytest.raises(slurm.CannotStart, match=r"runs here already \(processes \d+( \d+)+\)"):
        slurm.Cluster().start()
    assert sorted(path.read_bytes() for path in slurm.FILES.glob("*.conf")) == files
