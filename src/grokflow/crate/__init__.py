"""Results described for others, as a Workflow Run RO-Crate.

Comes in: a results folder with its records, and the configuration that made it. Goes out: the metadata of a
crate beside them, or an archive. Called by `make crate` and `python -m grokflow.crate`; by no rule.

`jobs` reads off the records which jobs there were, `entities` says the same in the words of a crate, and
`writing` puts it on disk.
"""

from grokflow.crate.jobs import Job, read_jobs
from grokflow.crate.writing import write_crate

__all__ = ["Job", "read_jobs", "write_crate"]
