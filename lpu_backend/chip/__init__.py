"""The chip: its description, its instructions, programs, and what runs, proves, counts and shows them."""
