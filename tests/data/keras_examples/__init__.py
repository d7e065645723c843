"""Models after the kinds of the Keras examples, small: what people bring. A builder each."""
