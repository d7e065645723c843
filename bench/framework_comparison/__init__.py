"""The same model through Keras and in a framework's own layers, measured side by side: what Keras costs."""
