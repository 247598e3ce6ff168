"""What is kept: the identity of a run, its immutable record, the store and the tables made of it."""
