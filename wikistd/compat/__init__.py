"""Names that exist only for those who migrate; removable."""
