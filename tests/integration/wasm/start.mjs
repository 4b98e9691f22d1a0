// Starts CPython in WebAssembly with the repository at /repo and runs inside.py in it.
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const python = await loadPyodide();
python.mountNodeFS("/repo", process.argv[2]);
const code = python.runPython(readFileSync("inside.py", "utf8"));
process.exitCode = code;
