"""EEGPT (Wang et al. 2024, NeurIPS): patches of all channels, each summarised by itself."""
