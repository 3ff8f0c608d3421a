"""What an algorithm costs, and whether two are the same."""
