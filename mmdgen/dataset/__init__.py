"""What a data set is: its configuration, plan, shards, records and reader. No GL, no processes."""
