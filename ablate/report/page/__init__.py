"""The page: its sections and tables, and the HTML that holds them."""
