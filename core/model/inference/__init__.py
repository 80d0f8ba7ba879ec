"""The encoder of one patch, packed for one processor and one set of channels."""
