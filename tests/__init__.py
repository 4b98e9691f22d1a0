"""The tests of wikistd: standard library only, offline, in any order."""
