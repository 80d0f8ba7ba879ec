"""From a live stream to decisions: the engine, its link to the sender, and whom it tells."""
