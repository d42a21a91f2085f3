"""tinydp side by side with its peers: `python -m benchmarks` runs them all."""
