"""Remedies put into networks of the user's: where they belong, and the network made anew with them."""
