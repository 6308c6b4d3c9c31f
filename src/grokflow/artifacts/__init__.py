"""Files on disk: written atomically, read back checked, each with a record of what made it."""
