"""What is drawn at random for a sample, and how a label becomes the pose of one model."""
