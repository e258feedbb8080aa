"""The `mmdgen` commands: one library call each."""
