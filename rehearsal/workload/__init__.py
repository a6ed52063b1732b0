"""An application under load: a shop whose writers and readers know nothing of a migration, except through client/."""
