"""What a run leaves behind: executed notebooks, and the verdicts and facts in them."""
