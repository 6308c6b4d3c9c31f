"""`python -m grokflow.crate`."""

import sys

from grokflow.crate.writing import main

sys.exit(main())
