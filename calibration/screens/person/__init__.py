"""The screen that the person sees."""
