"""Print the pins of what PyTorch needs on Linux with CUDA besides what envs/requirements.lock has.

A machine without a GPU may hold a CPU build of PyTorch, and its environment then says nothing of CUDA. So pip
is asked what it would install elsewhere. Nothing is installed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")

PLATFORMS = [f"manylinux{tag}_x86_64" for tag in ("1", "2010", "2014", *(f"_2_{n}" for n in range(5, 29)))]
"""Of wheels that glibc 2.28 can run; pip matches each name exactly."""


def name_of(requirement: str) -> str:
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", requirement.partition("==")[0]).lower()


def pins() -> list[str]:
    """`name==version` of each package, in order."""
    locked = [line for line in LOCK.read_text(encoding="utf-8").split() if "==" in line]
    (torch,) = (line for line in locked if name_of(line) == "torch")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = ["--python-version=3.12", "--only-binary=:all:", *(f"--platform={p}" for p in PLATFORMS)]
        command = [*pip, "--report", "-", "--target", folder, *elsewhere, torch]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
    packages = [package["metadata"] for package in json.loads(found)["install"]]
    here = set(map(name_of, locked))
    return sorted(f"{p['name']}=={p['version']}" for p in packages if name_of(p["name"]) not in here)


if __name__ == "__main__":
    print("# Constraints, read by requirements.lock: where PyTorch comes with CUDA, these come with it.")
    print("\n".join(pins()))
