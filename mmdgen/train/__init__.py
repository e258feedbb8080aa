"""From shards to networks. The only room besides `evaluate` that imports torch, and only when it is used."""
