"""Where runs happen: a scheduler in this process, workers in others."""
