"""What networks learn from: data sets found, read and checked, and the rows that a run trains on."""
