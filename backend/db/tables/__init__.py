"""Tables, one module for each package that writes them."""
