"""Gain and perception at doses and anatomies, seen in training and not."""
