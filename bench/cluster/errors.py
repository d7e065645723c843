"""What can keep a sweep from starting."""


class ClusterError(RuntimeError):
    """No cluster, or none of its nodes will do; the message says what was wanted, what is there, and the remedy."""
