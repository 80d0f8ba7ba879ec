"""From one person's recordings to a decoder for that person."""
