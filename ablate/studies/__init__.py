"""What is asked: the study file, its factors and levels, the design that puts them together, and the claims."""
