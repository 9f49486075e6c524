"""What the harness costs, beside its peers.

Each module here but `__main__` is a benchmark when it has `run() -> dict[str, Any]`: it prints a
table for people and returns the same figures. `python -m benchmarks` lists them.
"""
