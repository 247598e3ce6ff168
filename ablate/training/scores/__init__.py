"""Scores of networks: predictions, what is computed from them, and probes of layers."""
