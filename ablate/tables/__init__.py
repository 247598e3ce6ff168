"""Tables as people keep them: how they are written, what their columns hold, and what becomes of them."""
