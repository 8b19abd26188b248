"""A trained network made fast: runtimes, compiled parts, artefacts kept between runs."""
