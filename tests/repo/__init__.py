"""The laws of the house, as tests: who imports whom, names, docs, layout."""
