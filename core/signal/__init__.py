"""From raw samples to filtered, resampled, continuous signal. Knows neither LSL nor Qt."""
