"""The last activation, common to all classifiers of the zoo."""


def output_activation(classes: int) -> str:
    """`sigmoid` for one class (a yes or no), `softmax` for more."""
    return "sigmoid" if classes == 1 else "softmax"
