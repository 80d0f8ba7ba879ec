"""What is evaluated: our heads, the classic pipelines, and networks trained from nothing."""
