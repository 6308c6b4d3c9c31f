"""How fast and how small grokflow is, against a plain implementation and the hardware's limit.

Run from the repository root with `python -m benchmarks`; README.md says what each row means.
"""
