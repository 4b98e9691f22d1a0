"""Tests of wikistd.wiki: the Action API session."""
