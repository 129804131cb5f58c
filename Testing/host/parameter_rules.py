"""Annotations of parameters: defaults and what a value must fulfil when it is set (not when it is read)."""

from __future__ import annotations


class Default:
    def __init__(self, value=None, *, generator=None):
        self._value, self._generator = value, generator

    @property
    def value(self):
        return self._generator() if self._generator else self._value


class Decimals:
    def __init__(self, value):
        self.value = value


class SingleStep(Decimals):
    pass


class Validator:
    def validate(self, value) -> None:
        raise NotImplementedError


class _Bounds(Validator):
    minimum = maximum = None

    def validate(self, value):
        low = self.minimum is not None and value < self.minimum
        if low or (self.maximum is not None and value > self.maximum):
            raise ValueError(f"{value} is outside the range from {self.minimum} to {self.maximum}")


class WithinRange(_Bounds):
    def __init__(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum


class Minimum(_Bounds):
    def __init__(self, minimum):
        self.minimum = minimum


class Maximum(_Bounds):
    def __init__(self, maximum):
        self.maximum = maximum


class Choice(Validator):
    def __init__(self, choices):
        self.choices = choices

    def validate(self, value):
        if value not in self.choices:
            raise ValueError(f"{value!r} is not one of {self.choices}")


class Exclude(Validator):
    def __init__(self, excludedValues):
        self.excludedValues = excludedValues

    def validate(self, value):
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is not allowed")
