"""The truth: enclosures of values and derivatives with a proved radius, and how far an observation is from them."""
