"""The golden units as suites see them: blocking, and able to misbehave in any layer."""
