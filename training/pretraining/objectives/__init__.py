"""What a run trains its parts for: the objective of EEGPT, and one of our own."""
