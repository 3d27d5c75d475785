"""Stock levels and movements per warehouse."""
