"""Benches, what stands on them, and the verdicts that cases reach."""
