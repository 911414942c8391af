"""The models' files: what is known, where it is, getting it, making it quick."""
