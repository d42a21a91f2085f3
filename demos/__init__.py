"""Controllers trained through simulators: one file a demo, `python -m demos NAME`."""
