"""What code of the user's does to its process, and how it is undone."""
