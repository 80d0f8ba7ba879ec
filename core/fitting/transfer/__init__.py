"""What other people or earlier sessions teach a decoder before its first trial."""
