"""The lock files, the environment for conda and the container say the same versions."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
ENVS = ROOT / "envs"
LOCKS = sorted(ENVS.glob("requirements*.lock"))


def pins(name: str) -> dict[str, str]:
    """Package and version of each line of a lock file that pins one."""
    lines = (ENVS / name).read_text(encoding="utf-8").splitlines()
    found = [line.split("==") for line in lines if not line.startswith(("#", "-c "))]
    return {canonicalize_name(package): version for package, version in found}


@pytest.mark.parametrize("lock", [lock.name for lock in LOCKS])
def test_every_line_of_a_lock_pins_one_version(lock: str) -> None:
    assert all(re.fullmatch(r"[\w.]+", version) for version in pins(lock).values())


def test_the_environment_for_conda_has_the_versions_of_the_locks() -> None:
    file = yaml.safe_load((ENVS / "grokflow.yaml").read_text(encoding="utf-8"))
    (pip,) = (entry["pip"] for entry in file["dependencies"] if isinstance(entry, dict))
    wanted = {canonicalize_name((r := Requirement(line)).name): str(r.specifier) for line in pip}
    locked = pins("requirements.lock") | pins("requirements-cuda.lock")
    assert wanted == {package: f"=={version}" for package, version in locked.items()}


def test_the_lock_pins_what_cuda_brings_without_pinning_anything_twice() -> None:
    first = (ENVS / "requirements.lock").read_text(encoding="utf-8").splitlines()[0]
    assert first == "-c requirements-cuda.lock"
    cuda = pins("requirements-cuda.lock")
    assert {"triton", "nvidia-cublas", "nvidia-cudnn-cu13", "cuda-toolkit"} <= set(cuda)
    assert not set(cuda) & set(pins("requirements.lock"))


def test_all_locks_have_the_versions_of_the_first() -> None:
    first = pins("requirements.lock")
    for lock in ("requirements-dev.lock",):
        both = first.keys() & pins(lock).keys()
        assert {package: pins(lock)[package] for package in both} == {p: first[p] for p in both}
        assert both == first.keys()


def test_what_is_locked_is_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = pins("requirements.lock")
    for requirement in map(Requirement, project["dependencies"]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("group", ["cluster", "s3", "docs", "fuzz", "audit", "crate"])
def test_the_lock_of_a_tool_has_the_version_that_the_project_asks_for(group: str) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    locked = pins(f"requirements-{group}.lock")
    for requirement in map(Requirement, groups[group]):
        assert requirement.specifier == SpecifierSet(f"=={locked[canonicalize_name(requirement.name)]}")


def test_the_container_installs_the_lock() -> None:
    steps = (ROOT / "Containerfile").read_text(encoding="utf-8")
    assert "pip install --no-cache-dir -r envs/requirements.lock" in steps
    for source in re.findall(r"^COPY (\S+) ", steps, re.MULTILINE):
        assert (ROOT / source).exists()


def test_the_lock_has_everything_that_what_is_locked_asks_for() -> None:
    locked = pins("requirements.lock")
    asked: dict[str, str] = {}
    for package in locked:
        for line in requires(package) or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                asked.setdefault(canonicalize_name(wanted.name), package)
    missing = {name: by for name, by in asked.items() if name not in locked}
    for name in pins("requirements-cuda.lock"):  # PyTorch asks for these only where it has CUDA
        missing.pop(name, None)
    assert not missing
