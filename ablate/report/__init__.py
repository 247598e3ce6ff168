"""What is shown: figures, and the page that holds them."""
