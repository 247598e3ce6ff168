"""What is asked: the study file, the catalogue of remedies, the design and the data it names."""
