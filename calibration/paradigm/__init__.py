"""What a person is asked to do, and when."""
