"""Asks a kfp, this one or another, whether it loads a pipeline; in a child process, since it may end in any way."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pipeline.kubeflow.verification.findings import Check, Finding

PROGRAM = Path(__file__).with_name("kfp_program.py")


def check_loads(name: str, python: Path, file: Path) -> Check:
    """Does kfp.components.load_component_from_file take the file?

    Args:
        name: of the check.
        python: the interpreter whose kfp is asked.
        file: the compiled pipeline.
    """
    done = subprocess.run([python, "-I", PROGRAM, "load", file], capture_output=True, text=True, check=False)
    last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
    if not done.stdout:
        return Check(name, not_checked=f"{python} cannot import kfp: {last}", remedy="install the pipeline extra again")
    version = f"kfp {done.stdout.splitlines()[0]}"
    findings = (Finding(str(file), f"{version} does not load it: {last}"),) if done.returncode else ()
    return Check(name, findings, remedy="compile the pipeline again", detail=version)
