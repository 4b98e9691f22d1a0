"""Tests of wikistd.streams."""
