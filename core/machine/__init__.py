"""The computer: its cores, its threads and its memory."""
