"""The browser page on which a person confirms annotations. Imports mmdgen, never the reverse."""
