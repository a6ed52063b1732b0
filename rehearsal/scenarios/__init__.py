"""One story each: what a migration goes through, and what the verdict must say of it."""
