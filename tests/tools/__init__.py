"""Tests of the tools that build the one file and the copy."""
