"""Everything that decides how one run is trained, and the ground that study files stand on: TOML, levels, seeds."""
