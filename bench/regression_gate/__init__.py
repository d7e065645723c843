"""The regression gate: two sides measured together, a policy, a verdict."""
