"""Tests of wikistd/compat."""
