"""Sphinx: `python -m sphinx -W -b html docs docs/_build/html`."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import wikistd  # noqa: E402

project = "wikistd"
author = "the wikistd authors"
version = release = wikistd.__version__
extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {
    "description": "What a wiki bot needs from the network, in the Python that is already there",
    "fixed_sidebar": True,
}
# In docstrings, `word` is code.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
nitpicky = False
suppress_warnings = ["config.cache"]


def escape_plain_text(app, what, name, obj, options, lines):
    """Docstrings are plain text with `code` in them: * and | mean themselves."""
    literal = False
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith((" ", "\t")):
            literal = False
        if line.lstrip().startswith(">>>") or line.rstrip().endswith("::"):
            literal = True
        if literal:
            continue
        pieces = re.split(r"(``.+?``|`[^`]+`)", line)
        lines[number] = "".join(
            piece if piece.startswith("`") else re.sub(r"([*|\\]|_\b)", r"\\\1", piece)
            for piece in pieces
        )


def setup(app):
    app.connect("autodoc-process-docstring", escape_plain_text)
    return {"parallel_read_safe": True}
