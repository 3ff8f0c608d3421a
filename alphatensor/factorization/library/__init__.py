"""A folder of algorithms: the best of each format, recombination, published ranks, tables."""
