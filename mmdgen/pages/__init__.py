"""Pages to look at: one HTML file each, which opens offline, with style, pictures and charts inside."""
