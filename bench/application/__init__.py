"""A whole application: texts in files, words, word vectors, a model. So far its data, from files to arrays."""
