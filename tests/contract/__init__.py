"""One suite for any wiki: the embedded one, or the one WIKISTD_TEST_WIKI names."""
