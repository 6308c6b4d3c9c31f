"""Print the environment file for conda, with the pins of envs/requirements.lock and requirements-cuda.lock.

Snakemake copies the file elsewhere before it makes the environment, so it can refer to no other file.
"""

from __future__ import annotations

from pathlib import Path

HEAD = """\
# Made from the lock files by `make lock`, for `snakemake --use-conda`. grokflow.post-deploy.sh adds grokflow.
name: grokflow
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.12
  - pip
  - pip:
"""


def pins(name: str) -> list[str]:
    """The lines of a lock file that pin a package."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "==" in line]


def environment() -> str:
    """The text of envs/grokflow.yaml."""
    linux = "; platform_system == 'Linux'"
    wanted = pins("requirements.lock") + [pin + linux for pin in pins("requirements-cuda.lock")]
    return HEAD + "".join(f'      - "{pin}"\n' for pin in wanted)


if __name__ == "__main__":
    print(environment(), end="")
