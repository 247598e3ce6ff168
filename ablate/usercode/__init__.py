"""Code and models of the user's: found, checked and digested without running them."""
