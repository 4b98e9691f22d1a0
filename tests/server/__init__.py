"""The embedded wiki and the server it runs on."""
