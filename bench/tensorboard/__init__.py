"""A run as TensorBoard shows it: traces in its Profile tab, scalars, HParams and graphs, a folder for each case.

layout → xspace (traces), scalars, hparams, graph → write
"""
