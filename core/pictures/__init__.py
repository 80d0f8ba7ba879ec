"""Pictures: reading them, embedding them for a gallery, finding them again, and making them."""
