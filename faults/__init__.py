"""Faults that are really injected, and what became of the results.

Run from the repository root with `python -m faults`; docs/reliability.md has the table as measured.
A fault is one function with the decorator `faults.table.fault`.
"""
