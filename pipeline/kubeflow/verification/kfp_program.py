"""A program for an environment that has kfp and nothing of tinyops.

    python kfp_program.py load FILE    loads a pipeline; what kfp says against it is the last line on stderr
    python kfp_program.py message      writes the message with an executor's Kubernetes settings and all that it imports

`load` first writes the version of kfp, so that a kfp that cannot even be imported is told from one that refuses.
"""

from __future__ import annotations

import sys

import kfp
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet


def _load(path: str) -> None:
    from kfp.components import load_component_from_file

    sys.stdout.write(f"{kfp.__version__}\n")
    sys.stdout.flush()
    load_component_from_file(path)


def _message() -> None:
    from kfp.kubernetes.kubernetes_executor_config_pb2 import DESCRIPTOR

    files = FileDescriptorSet()
    _add(DESCRIPTOR, files)
    sys.stdout.buffer.write(files.SerializeToString())


def _add(file: FileDescriptor, to: FileDescriptorSet) -> None:
    """A file and those that it imports, each once."""
    if file.name not in {known.name for known in to.file}:
        file.CopyToProto(to.file.add())
        for imported in file.dependencies:
            _add(imported, to)


if __name__ == "__main__":
    if sys.argv[1] == "load":
        _load(sys.argv[2])
    else:
        _message()
