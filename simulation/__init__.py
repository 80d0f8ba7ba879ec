"""Simulated subjects, replayed recordings and injected faults, sent as live streams."""
