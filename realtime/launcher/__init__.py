"""The first window: streams, people, and what can be done with them."""
