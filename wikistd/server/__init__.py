"""The embedded wiki, and a small server for it and for any WSGI application."""
