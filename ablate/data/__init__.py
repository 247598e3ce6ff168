"""What is learned from: how tables are written, what their columns hold, and what becomes of them."""
