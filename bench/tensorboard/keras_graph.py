"""The graph of a case, for TensorBoard's Graphs tab."""

from __future__ import annotations

from pathlib import Path

from anatomy.bench.tensorboard.event_files import write_events


def write_graph(folder: Path, graph_def: bytes) -> None:
    """Write a serialised GraphDef, of TensorFlow: `concrete_function.graph.as_graph_def().SerializeToString()`."""
    from tensorboard.compat.proto.event_pb2 import Event

    write_events(folder, "graph", [Event(graph_def=graph_def)])
