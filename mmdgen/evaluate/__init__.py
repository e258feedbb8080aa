"""From networks and a data set to numbers, with their uncertainty, and pictures of what went wrong."""
