"""The pages: one subfolder per menu entry."""
