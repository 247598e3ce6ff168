"""As much of scikit-learn as a plan and a worker use themselves; the original takes a second to import."""
