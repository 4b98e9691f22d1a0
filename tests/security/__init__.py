"""One test for each known hole of others; docs/security.rst lists them."""
