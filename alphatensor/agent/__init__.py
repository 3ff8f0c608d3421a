"""The agent of the paper: game, network, search, self-play and learning."""
