"""Export a run to TensorBoard: scalars, HParams and graphs in a folder per case, beside the trace of each case."""
