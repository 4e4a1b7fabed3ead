"""Statements: what an account bought, used, earned and sold, priced and classed, from the index alone."""
