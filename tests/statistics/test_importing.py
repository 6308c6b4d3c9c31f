"""What reads the configuration imports the claims each time; scipy.stats and statsmodels take a second."""

import subprocess
import sys


def test_importing_the_package_loads_no_heavy_library():
    heavy = "{'scipy', 'statsmodels', 'pandas'}"
    code = f"import sys, grokflow.statistics; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
