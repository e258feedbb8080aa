"""Folders of model files: what is there, what it is called, usable or why not."""
