"""Formats: bytes in, values out; nothing here reads or writes anything."""
