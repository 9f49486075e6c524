"""The harness's own Smart Energy node, sans-I/O."""
