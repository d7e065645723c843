"""The pytest plugin: marked functions become cases, measured in fresh processes or compared by the gate."""
