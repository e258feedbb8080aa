"""The shell around the pure parts: processes, disk and GPU. Makes the shards of a plan."""
