"""What `python -m lab` does beside a campaign."""
