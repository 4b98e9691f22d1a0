"""Things that never end."""
