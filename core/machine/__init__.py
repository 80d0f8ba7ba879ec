"""The computer: its threads, its memory and its files."""
