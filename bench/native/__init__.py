"""A Keras model translated to a framework's own layers: the program, the proof that it computes the same, its step.

`translate` goes from a model to a program:

    model_graph   the calls of a model in order, nested models inlined, activations apart
    translation   which function writes which layer for which framework
    *_writer      the program as source code: one or two lines a call
    *_functions   what a program needs beyond its framework, copied into it
    *_program     the code compiled, with the model's own weights
    agreement     outputs and, in training, weights beside those of Keras

What is measured is the source that `anatomy script` prints.
"""
