"""The compiler as passes over one small program; it grows beside `compile`, which it will replace."""
