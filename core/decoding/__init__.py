"""From windows of signal to class probabilities, and the file that keeps how."""
