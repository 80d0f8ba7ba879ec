"""What a decoder is made of: trials, feature selection, transfer from other people."""
