"""What the tables mean: effects with their intervals, and a diagnosis of every run."""
