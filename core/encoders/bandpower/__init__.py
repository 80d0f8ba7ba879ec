"""Band power of learned sources: spatial filters, a short temporal filter each, log power."""
