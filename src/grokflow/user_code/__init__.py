"""Users' own files: code named `file.py:name`, or a table `file.csv`, found, identified and loaded.

Comes in: what a configuration or a command names. Goes out: the file with a digest of its content, checked
without running it; and in a job what the name stands for. Used wherever something may be the user's; no rule
calls it.
"""

from grokflow.user_code.calls import signature_of, takes
from grokflow.user_code.files import (
    CODE,
    TABLE,
    UserFile,
    as_written,
    files_named,
    find,
    is_code,
    is_identified,
    is_user_file,
    parse,
)

__all__ = [
    "CODE",
    "TABLE",
    "UserFile",
    "as_written",
    "files_named",
    "find",
    "is_code",
    "is_identified",
    "is_user_file",
    "parse",
    "signature_of",
    "takes",
]
