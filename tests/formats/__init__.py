"""Tests of wikistd.formats."""
