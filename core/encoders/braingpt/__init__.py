"""BrainGPT (Yue et al. 2024, arXiv 2410.19779): every electrode is a sequence, encoded causally."""
