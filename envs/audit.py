"""Ask the vulnerability service of PyPI about every pinned package of requirements.lock.

Exit status 0: none is known to be vulnerable, or the service could not be asked (one line says `skipped`).
1: some are, each named. 2: pip-audit itself failed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")
UNREACHED = (
    r"\b(\w*Connect\w*Error|ServiceError|ProxyError|SSLError|\w*Timeout|HTTPError)\b|Could not connect"
)


def main(lock: Path = LOCK) -> int:
    command = ["pip-audit", "--format=json", "--progress-spinner=off", "--no-deps", "--disable-pip"]
    ended = subprocess.run([*command, f"--requirement={lock}"], capture_output=True, text=True, check=False)
    try:
        found = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (ended.stderr.strip().splitlines() or ["no answer"])[-1]
        if re.search(UNREACHED, ended.stderr):
            print(f"skipped: the vulnerability service cannot be reached ({reason:.200})")
            return 0
        print(f"pip-audit failed: {reason:.500}")
        return 2
    # A package that the service does not know is no package that is safe; pip-audit calls both clean.
    unknown = [package["name"] for package in found if "vulns" not in package]
    vulnerable = [package for package in found if package.get("vulns")]
    for package in vulnerable:
        for each in package["vulns"]:
            mended = ", ".join(each["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {each['id']}, mended in {mended}")
    if len(unknown) == len(found):
        print(f"skipped: the vulnerability service answers, but knows none of the {len(found)} packages")
    else:
        if unknown:
            print(f"skipped: {len(unknown)} of {len(found)} packages, not known there: {', '.join(unknown)}")
        print(f"audited: {len(found) - len(unknown)} packages, {len(vulnerable)} with a known vulnerability")
    return int(bool(vulnerable))


if __name__ == "__main__":
    sys.exit(main())
